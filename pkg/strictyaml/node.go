package strictyaml

import "github.com/goccy/go-yaml/ast"

// quotes is what to do about a text within braces that was read as a key with a
// value, for its colon.
func quotes(node ast.Node) string {
	if _, ok := node.(ast.MapNode); ok {
		return " (put text with a colon into quotes)"
	}
	return ""
}

// textOf is a single value as text.
func textOf(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// kindOf is what a node is, for a message. It does not show the value.
func kindOf(node ast.Node) string {
	switch node.(type) {
	case ast.MapNode:
		return "keys with values"
	case *ast.SequenceNode:
		return "a list"
	case *ast.IntegerNode, *ast.FloatNode:
		return "a number"
	case *ast.BoolNode:
		return "true or false"
	case *ast.NullNode:
		return "nothing"
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	}
	return "an anchor, alias or tag, which have no use here"
}

func positionOf(node ast.Node) position {
	if m, ok := node.(*ast.MappingNode); ok && len(m.Values) > 0 && !m.IsFlowStyle {
		node = m.Values[0].Key
	}
	at := node.GetToken().Position
	return position{at.Line, at.Column}
}
