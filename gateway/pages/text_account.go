package pages

// frameText is what stands around the account, developer and directory pages.
func frameText() catalogue {
	return catalogue{
		"frame.places":       "Sections",
		"frame.account":      "Signed in as",
		"frame.sign-out":     "Sign out",
		"frame.sign-in":      "Sign in",
		"frame.account-apps": "Authorized apps",
		"frame.developer":    "Your apps",
		"frame.directory":    "App directory",
		"page.next":          "Next page",

		"copy":           "Copy",
		"copy.done":      "Copied",
		"copy.client-id": "client ID",

		"date":       "{0} {1} {2}",
		"date.never": "never",
		"month.1":    "January",
		"month.2":    "February",
		"month.3":    "March",
		"month.4":    "April",
		"month.5":    "May",
		"month.6":    "June",
		"month.7":    "July",
		"month.8":    "August",
		"month.9":    "September",
		"month.10":   "October",
		"month.11":   "November",
		"month.12":   "December",
	}
}

// doneText is a title for each [Outcome], and a sentence with and without a name.
func doneText() catalogue {
	//nolint:gosec // Words about credentials, which hold none.
	return catalogue{
		"done.access-revoked.title":   "Access taken back",
		"done.access-revoked":         "{0} can no longer use your account. Its tokens have stopped working.",
		"done.access-revoked.unnamed": "The app can no longer use your account. Its tokens have stopped working.",
		"done.access-saved.title":     "Saved",
		"done.access-saved":           "{0} can now use only what is ticked below.",
		"done.access-saved.unnamed":   "The app can now use only what is ticked below.",
		"done.app-created.title":      "App created",
		"done.app-created":            "{0} can ask for access from now on.",
		"done.app-created.unnamed":    "It can ask for access from now on.",
		"done.app-saved.title":        "Saved",
		"done.app-saved":              "The changes to {0} are in force.",
		"done.app-saved.unnamed":      "The changes are in force.",
		"done.app-deleted.title":      "App deleted",
		"done.app-deleted":            "{0} is gone, and its tokens have stopped working.",
		"done.app-deleted.unnamed":    "Its tokens have stopped working.",
		"done.secret-revoked.title":   "Secret revoked",
		"done.secret-revoked":         "{0} cannot use it any more.",
		"done.secret-revoked.unnamed": "Whatever still uses it is refused.",
		"done.logo-saved.title":       "Logo saved",
		"done.logo-saved":             "Everybody who is asked to allow {0} sees it.",
		"done.logo-saved.unnamed":     "Everybody who is asked to allow the app sees it.",
		"done.logo-removed.title":     "Logo removed",
		"done.logo-removed":           "{0} is shown with its initial.",
		"done.logo-removed.unnamed":   "The app is shown with its initial.",

		"done.password-changed.title":   "Password changed",
		"done.password-changed":         "{0} and all other apps, and all other browsers, have to sign in again. You stay signed in here.",
		"done.password-changed.unnamed": "All apps and all other browsers have to sign in again. You stay signed in here.",
	}
}

// appsText is what stands on the pages about what a person has allowed.
func appsText() catalogue {
	//nolint:gosec // Words about credentials, which hold none.
	return catalogue{
		"apps.title":     "Authorized apps",
		"apps.lead":      "Apps that you have allowed to use your {0} account.",
		"apps.since":     "Allowed on",
		"apps.last-use":  "Last used:",
		"apps.repeated":  "Renewed its access from two places at once, as some apps do. Last on",
		"apps.late":      "A program came with an old key of this app, and was refused. The app may have to connect again. If that surprises you, revoke its access. Last on",
		"apps.scopes":    "What it may do",
		"apps.save":      "Save changes",
		"apps.revoke":    "Revoke access",
		"apps.none":      "You have not allowed any app",
		"apps.none.text": "When you allow an app to use your {0} account, it is listed here, and you can take the access back.",

		"password.title":  "Change your password",
		"password.ends":   "You stay signed in here. All other browsers are signed out.",
		"password.apps":   "Apps that use your account are signed out too. They keep the permissions that you gave them, and ask you to sign in the next time you use them.",
		"password.submit": "Change password",
		"password.back":   "Keep the password",

		"field.password":             "Current password",
		"field.password.hint":        "The password that you sign in with now.",
		"field.new_password":         "New password",
		"field.new_password.hint":    "At least {0} characters, and a password that you use nowhere else.",
		"field.repeat_password":      "New password again",
		"field.repeat_password.hint": "To be sure that there is no typing error.",

		"revoke.title":  "Revoke access of {0}?",
		"revoke.now":    "{0} stops working with your {1} account at once. You would have to allow it again to use it.",
		"revoke.scopes": "It will no longer be able to",
		"revoke.shared": "It loses access to",
		"revoke.kept":   "What it has stored on its own servers is not deleted by this.",
		"revoke.submit": "Revoke access",
		"revoke.back":   "Keep access",
	}
}

// directoryText is what stands on the directory of apps.
func directoryText() catalogue {
	return catalogue{
		"directory.title":     "App directory",
		"directory.lead":      "Apps that work with {0}.",
		"directory.search":    "Search",
		"directory.no-match":  "No app matches “{0}”",
		"directory.all":       "Show all apps",
		"directory.none":      "There are no apps yet",
		"directory.none.text": "Apps are listed here once their developers make them public.",
	}
}
