// Package arch keeps the shape of the tree: who may import whom, which library
// is known to which package, which modules the binary links, and which line
// implements which section of which specification.
//
// It holds tests only, and knows paths and names but nothing of what the
// packages do. A rule that is wrong for a good reason is changed here, in the
// same commit that needs it.
package arch
