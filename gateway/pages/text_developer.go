package pages

// developerText is what stands on the list of a developer's clients.
func developerText() catalogue {
	return catalogue{
		"developer.title":             "Your apps",
		"developer.lead":              "Apps that sign people in with {0} or use its API.",
		"developer.new":               "New app",
		"developer.last-use":          "Last used:",
		"developer.none":              "This workspace has no apps yet.",
		"developer.no-workspace":      "You are not an admin of any workspace",
		"developer.no-workspace.text": "Apps belong to a workspace, and its admins manage them. Create a workspace in {0}, or ask an admin to make you one.",

		"type.web":      "Web app",
		"type.native":   "Native app",
		"type.web.hint": "It has a server that can keep a secret. People reach it with a browser.",
		"type.native.hint": "It runs on people’s own devices, such as a mobile, desktop or command-line app, " +
			"or in the browser alone. It has no secret, and always uses PKCE.",

		"visibility.internal":      "Internal",
		"visibility.internal.hint": "Only members of the workspace can use it. Others are not told its name.",
		"visibility.unlisted":      "Unlisted",
		"visibility.unlisted.hint": "Everybody with an account can use it, and it is not in the directory.",
		"visibility.public":        "Public",
		"visibility.public.hint":   "Everybody with an account can use it, and the app directory lists it.",

		"auth.usual":               "The usual for the type of app",
		"auth.or":                  "or",
		"auth.client_secret_basic": "Secret in the Authorization header (client_secret_basic)",
		"auth.client_secret_post":  "Secret in the request body (client_secret_post)",
		"auth.private_key_jwt":     "Signed assertion (private_key_jwt)",
		"auth.none":                "None: the app has no secret (none)",
	}
}

// appText is what stands around the fields of the form for a client.
func appText() catalogue {
	return catalogue{
		"app.new":         "New app",
		"app.title":       "Settings of {0}",
		"app.workspace":   "Belongs to {0}",
		"app.unvetted":    "People see this app marked as unverified until {0} has checked it.",
		"app.client-id":   "Client ID",
		"app.pages":       "This app",
		"app.settings":    "Settings",
		"app.secrets":     "Secrets",
		"app.logo":        "Logo",
		"app.delete":      "Delete",
		"app.part.people": "What people see",
		"app.part.oauth":  "How it connects",
		"app.type-fixed":  "The type cannot be changed. Register another app instead.",
		"app.create":      "Create app",
		"app.save":        "Save changes",
		"app.cancel":      "Cancel",

		"app.changed.title": "This app was changed while you were editing it",
		"app.changed":       "Nothing of yours was saved. Copy what you want to keep, then",
		"app.changed.link":  "load the present settings",

		"app.refused":          "What is refused",
		"app.refused.http":     "http, except to localhost, 127.0.0.1 or [::1].",
		"app.refused.fragment": "A fragment: anything after #.",
		"app.refused.wildcard": "A wildcard: every address is compared exactly.",
		"app.refused.user":     "A user name or password before the host.",
		"app.refused.path":     "Dot segments such as /../, and encoded slashes, dots or backslashes.",
		"app.refused.query":    "A query that has code, state or another parameter of the answer.",
		"app.refused.scheme":   "A scheme of its own for a web app. A native app may use one that holds a dot, such as com.example.app:/callback.",
	}
}

// fieldText is the label and the help of each field of a developer's forms.
func fieldText() catalogue {
	//nolint:gosec // Words about credentials, which hold none.
	return catalogue{
		"field.name":                            "Name",
		"field.name.hint":                       "People see it when the app asks for access. At most 120 characters.",
		"field.description":                     "Description (optional)",
		"field.description.hint":                "What the app does, in a sentence or two, for the app directory. At most 500 characters.",
		"field.homepage_url":                    "Homepage (optional)",
		"field.homepage_url.hint":               "Its host is shown when the app asks for access. Such as https://example.com.",
		"field.policy_url":                      "Privacy policy (optional)",
		"field.policy_url.hint":                 "Linked when the app asks for access.",
		"field.terms_url":                       "Terms of service (optional)",
		"field.terms_url.hint":                  "Linked when the app asks for access.",
		"field.visibility":                      "Who can use it",
		"field.visibility.hint":                 "This can be changed later. Making an app internal ends its access tokens; members get new ones.",
		"field.client_type":                     "Type of app",
		"field.client_type.hint":                "This cannot be changed later.",
		"field.redirect_uris":                   "Redirect URIs",
		"field.redirect_uris.hint":              "Where people may be sent back to, one a line, each exactly as the app sends it in redirect_uri.",
		"field.token_endpoint_auth_method":      "How it authenticates",
		"field.token_endpoint_auth_method.hint": "How the app proves at the token endpoint who it is. A native app has no secret.",
		"field.scope":                           "Permissions",
		"field.scope.hint":                      "The most that the app may ask people for. Taking one away ends it at once, everywhere.",
		"field.confirm_name":                    "Name of the app",
		"field.confirm_name.hint":               "Upper and lower case matter.",
		"field.logo":                            "Picture",
		"field.logo.hint":                       "PNG or JPEG, square, at most 512 by 512 pixels and 255 KiB.",
	}
}

// secretsText is what stands on the pages about a client's secrets and logo,
// and on the one that deletes it.
func secretsText() catalogue {
	//nolint:gosec // Words about credentials, which hold none.
	return catalogue{
		"secrets.title":         "Secrets of {0}",
		"secrets.created.title": "The app is registered",
		"secrets.created":       "{0} can ask for access from now on.",
		"secrets.new":           "New client secret",
		"secrets.copy":          "Copy secret",
		"secrets.once":          "It will not be shown again.",
		"secrets.keep":          "Copy it now, and keep it where only the app’s server can read it. Any program that has it can pose as the app.",
		"secrets.list":          "Client secrets",
		"secrets.hint":          "To replace a secret, create another one, use that, then revoke the old one.",
		"secrets.secretless":    "This app authenticates without a secret, and has none.",
		"secrets.none":          "There is no secret. The app cannot authenticate until you create one.",
		"secrets.create":        "Create secret",
		"secrets.create-time":   "Created on",
		"secrets.last-use":      "Last used:",
		"secrets.revoke":        "Revoke",
		"secrets.revoke.text":   "Whatever still uses the secret that ends in {0} stops working at once.",
		"secrets.revoke.submit": "Revoke this secret",

		"logo.title":  "Logo of {0}",
		"logo.upload": "Upload",
		"logo.remove": "Remove logo",

		"delete.title":   "Delete {0}?",
		"delete.sign-in": "Users cannot sign in with the app any more.",
		"delete.tokens":  "Every token it has stops working at once.",
		"delete.secrets": "Its secrets and its client ID are gone. The client ID is never used again.",
		"delete.final":   "This cannot be undone.",
		"delete.type":    "To go on, type {0}.",
		"delete.submit":  "Delete app",
	}
}
