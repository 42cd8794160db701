package edge

import "net/http"

// clean leaves the headers that handlers have a use for. An allow-list needs no
// knowledge of what others read: Grpc-Metadata-*, Grpc-Timeout, forwarded client
// certificates, X-HTTP-Method-Override and X-User-* are gone with the rest.
func clean(h http.Header) {
	for name := range h {
		if !wanted(name) {
			delete(h, name)
		}
	}
}

// wanted reports whether handlers read the header of that canonical name.
func wanted(name string) bool {
	switch name {
	case "Accept", "Authorization", "Content-Type", "Cookie", "If-Modified-Since", "If-None-Match",
		"Origin", "Sec-Fetch-Dest", "Sec-Fetch-Site", "User-Agent":
		return true
	}
	return false
}
