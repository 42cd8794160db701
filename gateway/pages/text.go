package pages

import "maps"

// english is everything the pages say. "{0}" and "{1}" are names.
func english() catalogue {
	all := catalogue{}
	for _, part := range []catalogue{
		formText(), consentText(), choiceText(), complaintText(), errorText(), outcomeText(),
		frameText(), doneText(), appsText(), developerText(), appText(), fieldText(), secretsText(), directoryText(),
	} {
		maps.Copy(all, part)
	}
	return all
}

// formText is what stands on the sign-in and account pages, and about any client.
func formText() catalogue {
	return catalogue{
		"error.prefix": "Error: ",

		"client.unverified.title": "Unverified app",
		"client.unverified.text": "{0} has not checked who made this app. Its name and logo may not be its own. " +
			"Go on only if you started this yourself and trust the app.",
		"client.claim":  "It says that its website is {0}.",
		"client.owner":  "Registered by {0}",
		"client.policy": "Privacy policy",
		"client.terms":  "Terms of service",
		"client.about":  "About {0}",

		"loopback.title": "Never share the address where you end up",
		"loopback.text": "In the end your browser goes to {0}, to tell a program on this device that you are signed in. " +
			"Do not copy that address or paste it anywhere, even if someone asks you to: it would give them your access.",

		"signin.title":    "Sign in",
		"signin.to":       "to continue to {0}",
		"signin.brand":    "to your {0} account",
		"signin.unnamed":  "to continue to an app",
		"signin.username": "Email or username",
		"signin.password": "Password",
		"signin.submit":   "Sign in",
		"signin.cancel":   "Cancel",

		"account.title":    "Choose an account",
		"account.to":       "to continue to {0}",
		"account.current":  "Signed in as",
		"account.continue": "Continue as {0}",
		"account.switch":   "Use another account",
	}
}

// consentText is what stands on the consent page.
func consentText() catalogue {
	return catalogue{
		"consent.title":        "{0} wants to access your {1} account",
		"consent.page":         "Allow {0}?",
		"consent.account":      "Signed in as",
		"consent.switch":       "Use another account",
		"consent.scopes":       "This will allow it to",
		"consent.apis":         "It can use this access only at",
		"consent.detail":       "What exactly this covers",
		"consent.detail.scope": "Known to developers as",
		"consent.next":         "What happens next",
		"consent.revoke":       "You can take this back at any time under {0}.",
		"consent.revoke.link":  "Authorized apps",
		"consent.allow":        "Allow",
		"consent.deny":         "Don’t allow",

		"risk.write":   "Can make changes",
		"risk.offline": "Works while you are away",
		"risk.admin":   "Full control",

		"destination.web":      "You are sent to {0}.",
		"destination.loopback": "You are sent back to a program on this device, at {0}.",
		"destination.app":      "You are sent back to an app on this device that opens {0} links.",
	}
}

// choiceText is what stands at the workspaces and projects that are shared.
func choiceText() catalogue {
	return catalogue{
		"choice.workspace":             "Workspaces to share",
		"choice.workspace.hint":        "It gets access only to the ones you choose.",
		"choice.workspace.lost":        "If you untick a workspace, the app loses everything it has there.",
		"choice.workspace.one":         "Workspace to share",
		"choice.workspace.one.hint":    "Choose one. It gets access to no other.",
		"choice.workspace.one.kept":    "What the app already has elsewhere, it keeps.",
		"choice.workspace.pinned":      "Another workspace is chosen when the app asks for it.",
		"choice.workspace.none":        "You have no workspace to share yet",
		"choice.workspace.none.text":   "Create a workspace in {0}, or ask to be invited to one. Then start again from the app.",
		"choice.workspace.none.pinned": "No workspace is shared",
		"choice.project":               "Projects to share",
		"choice.project.hint":          "It gets access only to the ones you choose.",
		"choice.project.lost":          "If you untick a project, the app loses everything it has there.",
		"choice.project.one":           "Project to share",
		"choice.project.one.hint":      "Choose one. It gets access to no other.",
		"choice.project.none":          "You have no project to share yet",
		"choice.project.none.text":     "Create a project in {0}, or ask to be added to one. Then start again from the app.",
		"choice.filter":                "Filter by name",
		"choice.all":                   "Select all",
		"choice.clear":                 "Clear",
		"choice.count":                 "selected",
		"choice.nomatch":               "No name matches.",

		"role.here":   "Your role:",
		"role.capped": "{0} asked; you are {1} here, so {2} is shared.",

		"held.role": "already has {0}",
		"held.list": "already has:",
		"held.more": "and {0} more",

		"level.label":  "Access:",
		"level.of":     "Access to {0}",
		"level.as-now": "As it is now",
		"level.none":   "none chosen",
	}
}

// complaintText is why a form is shown again.
func complaintText() catalogue {
	//nolint:gosec // Words about credentials, which hold none.
	return catalogue{
		"complaint.title":          "Please check this",
		"complaint.username":       "Enter your email or username.",
		"complaint.password":       "Enter your password.",
		"complaint.refused":        "That username and password do not match an account. Check both and try again.",
		"complaint.attempts":       "There were many attempts in a short time. Wait some minutes, then try again.",
		"complaint.attempts-today": "There were too many attempts today. Sign in with a browser that you have used here before, or try again tomorrow.",
		"complaint.workspace":      "Choose at least one workspace, or don’t allow access.",
		"complaint.project":        "Choose at least one project, or don’t allow access.",
		"complaint.changed":        "What you may share has changed since this page was shown. Check your choice again.",
		"complaint.again":          "That did not go through. Nothing was changed. Try again.",

		"complaint.password-wrong":   "This is not your current password.",
		"complaint.password-short":   "Enter at least {0} characters.",
		"complaint.password-long":    "Enter at most {0} characters.",
		"complaint.password-differs": "Enter the new password once more. The two are not the same.",

		"complaint.nothing-shared": "Choose at least one, or revoke the access.",
		"complaint.name-differs":   "Type the name exactly as it is shown.",
		"complaint.logo-missing":   "Choose a picture first.",
		"complaint.logo-unusable":  "Choose a PNG or JPEG picture of at most 512 by 512 pixels and 255 KiB.",
		"complaint.scope":          "Choose at least one permission.",
		"complaint.level":          "Choose at least one permission for {0}, or untick it.",
		"complaint.app-changed":    "The app has changed since this page was shown. Nothing was saved. Check it, and your choice, again.",
		"complaint.too-many":       "There are as many as there can be. Remove one that is no longer used first.",
	}
}

// errorText is what stands on the error page, three sentences for each [Reason].
func errorText() catalogue {
	return catalogue{
		"error.request.title":      "This link does not work",
		"error.request.sentence":   "The app that sent you here asked for something that cannot be done.",
		"error.request.advice":     "Go back to the app and start again. If it happens again, tell the people who make the app.",
		"error.client.title":       "This app cannot be used here",
		"error.client.sentence":    "The app that sent you here is not known, or may not ask for this.",
		"error.client.advice":      "Nothing was shared. If you expected this to work, tell the people who make the app.",
		"error.redirect.title":     "This request was stopped",
		"error.redirect.sentence":  "It would send you to an address that the app has not registered.",
		"error.redirect.advice":    "Nothing was shared. If you were asked to follow a link, it may not have come from the app. Open the app yourself and start again.",
		"error.expired.title":      "This page has expired",
		"error.expired.sentence":   "It was open for a long time, or was answered already.",
		"error.expired.advice":     "Nothing more was changed. Go back to the app and start again.",
		"error.session.title":      "This page belongs to another session",
		"error.session.sentence":   "The account signed in to this browser has changed since the page was shown.",
		"error.session.advice":     "Nothing was changed. Go back to the app and start again with the account you want to use.",
		"error.foreign.title":      "This request was stopped",
		"error.foreign.sentence":   "It was sent by a page of another site, not by the one you see here.",
		"error.foreign.advice":     "Nothing was changed. Go back to the app you want to use and start again there.",
		"error.denied.title":       "Access was not given",
		"error.denied.sentence":    "This access is not allowed for your account.",
		"error.denied.advice":      "Nothing was shared. Someone who looks after your account can tell you more.",
		"error.forbidden.title":    "This app is not available to your account",
		"error.forbidden.sentence": "Only members of the workspace it belongs to can use it.",
		"error.forbidden.advice":   "Nothing was shared. If you use more than one account, sign out of this one, and follow the link again. Otherwise ask the person who sent you here.",
		"error.account":            "See your account, or sign out",
		"error.not-admin.title":    "This is for admins",
		"error.not-admin.sentence": "Only an admin of the workspace can manage its apps.",
		"error.not-admin.advice":   "Nothing was changed. Ask an admin of the workspace to do it, or to make you one.",
		"error.not-found.title":    "There is no page here",
		"error.not-found.sentence": "The address does not lead to a page.",
		"error.not-found.advice":   "Check the address, or go back to the app you came from.",
		"error.too-large.title":    "This is too large",
		"error.too-large.sentence": "More was sent than this page takes.",
		"error.too-large.advice":   "Nothing was changed. Go back, and send less: a smaller picture, or a shorter text.",
		"error.busy.title":         "Not available right now",
		"error.busy.sentence":      "This cannot be answered at the moment.",
		"error.busy.advice":        "Nothing was changed. Wait a minute, then try again.",
		"error.internal.title":     "Something went wrong here",
		"error.internal.sentence":  "It is not because of anything you did.",
		"error.internal.advice":    "Try again in a moment. If it happens again, send us the reference below.",
		"error.code":               "Error code",
		"error.developer":          "For developers",
		"error.reference":          "Reference",
		"error.copy":               "Copy",
		"error.copied":             "Copied",
	}
}

// outcomeText is what stands on the pages that ask for nothing.
func outcomeText() catalogue {
	return catalogue{
		"formpost.title":  "One moment",
		"formpost.text":   "You are being sent back to {0}.",
		"formpost.submit": "Continue",

		"message.logged-out.title":   "You are signed out",
		"message.logged-out.text":    "You can close this window.",
		"message.close-window.title": "All done",
		"message.close-window.text":  "You can close this window and go back to where you started.",
		"message.cancelled.title":    "Sign-in was cancelled",
		"message.cancelled.text":     "Nothing was changed. You can close this window.",
		"message.service.title":      "Sign-in service",
		"message.service.text":       "There is nothing to do here. Start from the app that you want to use.",
	}
}
