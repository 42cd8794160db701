package pages

// What tests of the package need beyond its API.
var (
	NewInLanguage       = newRenderer
	English             = english
	ContrastOf          = contrast
	ParseColour         = parseColour
	FormActionSource    = formActionSource
	Plain               = plain
	WebHost             = webHost
	LogoPath            = logoPath
	ErrTarget           = errTarget
	ErrPostTarget       = errPostTarget
	ErrNotLocal         = errNotLocal
	ErrSentence         = errSentence
	CardLight, CardDark = cardLight, cardDark
	TemplateFiles       = templateFiles
	StaticFiles         = staticFiles
)

type Catalogue = catalogue
