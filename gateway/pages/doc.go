// Package pages renders what people see: sign-in, the choice of an account,
// consent and errors; what they have allowed; the apps they develop, and the
// directory of those that are public.
//
// It turns view structs into HTML and knows nothing of services, sessions or
// HTTP requests. Whatever is in a view is treated as hostile text: a client's
// name may try to be markup, to turn the direction of a sentence, or to pass
// for the brand. The one thing to get right is that nothing in a view is ever
// trusted as HTML, as script, or as the address of an image or form.
//
// Every page works without JavaScript and without inline script or style, so
// that the Content-Security-Policy can refuse both.
package pages
