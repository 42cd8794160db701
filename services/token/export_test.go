package token

// RotationOf is the policy of a client.
var RotationOf = rotationOf
