package pages

import (
	"html/template"
	"strings"
)

// functions are the words templates may use beside html/template's own. None
// of them returns a type that html/template would leave unescaped.
func functions(brand Brand, assets assetSet, text catalogue) template.FuncMap {
	return template.FuncMap{
		"api":         apiName,
		"asset":       assets.path,
		"brand":       func() string { return brand.Name },
		"brandLogo":   func() string { return assets.optionalPath(logoName) },
		"date":        text.date,
		"destination": destinationOf,
		"fieldErrors": fieldErrors,
		"host":        webHost,
		"initial":     initial,
		"instant":     instant,
		"localPath":   localPath,
		"logo":        logoPath,
		"plain":       plain,
		"say":         text.say,
		"webURL":      webURL,
		"words":       strings.Fields,

		"address":   newAddressField,
		"addresses": newAddressArea,
		"area":      newArea,
		"copyable":  newCopyable,
		"field":     newField,
		"level":     newLevel,
		"options":   newOptions,
		"password":  newPasswordField,
	}
}
