package state_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"meibo/shared/state"
)

// codes finds the string constants of a package whose names begin with prefix, in its source.
func codes(t *testing.T, dir, prefix string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			for i, name := range spec.Names {
				if strings.HasPrefix(name.Name, prefix) && i < len(spec.Values) {
					if lit, ok := spec.Values[i].(*ast.BasicLit); ok && lit.Kind == token.STRING {
						out[name.Name], _ = strconv.Unquote(lit.Value)
					}
				}
			}
			return true
		})
	}
	return out
}

func TestEveryCodeHasWords(t *testing.T) {
	all := codes(t, ".", "Code")
	for name, code := range codes(t, "../plan", "Review") {
		all[name] = code
	}
	if len(all) < 20 {
		t.Fatalf("only %d codes found", len(all))
	}
	japanese := func(s string) bool {
		return strings.ContainsFunc(s, func(r rune) bool { return unicode.In(r, unicode.Hiragana, unicode.Katakana, unicode.Han) })
	}
	seen := map[string]string{}
	for name, code := range all {
		en, ja := state.Text(code, "en"), state.Text(code, "ja-JP")
		if en == "" || ja == "" || japanese(en) || !japanese(ja) {
			t.Errorf("%s: %q, %q", name, en, ja)
		}
		if code != state.CodeRefused && en == state.Text("no such code", "en") {
			t.Errorf("%s (%s) has no words of its own", name, code)
		}
		if was, twice := seen[en]; twice {
			t.Errorf("%s and %s say the same", name, was)
		}
		seen[en] = name
	}
	if state.Text(state.CodeCap, "fr") != state.Text(state.CodeCap, "en") {
		t.Error("another language is not answered in English")
	}
}
