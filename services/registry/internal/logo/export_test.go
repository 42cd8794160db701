package logo

// Encode is for tests: no upload within the limits is known to make so large an
// image.
var Encode = encode
