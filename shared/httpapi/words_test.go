package httpapi

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestEverySentenceHasJapanese reads the sources of the packages that speak to people and looks for sentences without a
// translation.
func TestEverySentenceHasJapanese(t *testing.T) {
	found := 0
	for _, dir := range []string{"../tenancy", "../profile", "../directory"} {
		for _, s := range sentences(t, dir) {
			found++
			// What stands for a value is a number, so that it fits wherever a value can stand.
			example := regexp.MustCompile(`%[a-z]`).ReplaceAllString(s, "7")
			if phrase("ja", example) == example {
				t.Errorf("%s: no Japanese for %q: add it to japanese.go", dir, s)
			}
		}
	}
	if found < 60 {
		t.Errorf("only %d sentences were found: has the way in which they are written changed?", found)
	}
}

// sentences returns the texts of Refusal, FieldError and MappingError literals, and of functions called refuse that make them.
func sentences(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	add := func(e ast.Expr) {
		if s := format(e); strings.Contains(s, " ") {
			out = append(out, s)
		}
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if id, ok := call.Fun.(*ast.Ident); ok && id.Name == "refuse" {
					for _, e := range call.Args {
						add(e)
					}
				}
			}
			lit, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			name := ""
			switch of := lit.Type.(type) {
			case *ast.Ident:
				name = of.Name
			case *ast.SelectorExpr:
				if in, ok := of.X.(*ast.Ident); ok && in.Name == "tenancy" {
					name = of.Sel.Name
				}
			}
			if name == "Refusal" || name == "FieldError" || name == "MappingError" {
				for _, e := range lit.Elts[1:] {
					if pair, ok := e.(*ast.KeyValueExpr); ok {
						e = pair.Value
					}
					add(e)
				}
			}
			return true
		})
	}
	return out
}

// format returns a literal, or the format of a Sprintf, or "" for anything put together at run time.
func format(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(e.Value)
		if err != nil {
			return ""
		}
		return s
	case *ast.CallExpr:
		if len(e.Args) > 0 {
			return format(e.Args[0])
		}
	}
	return ""
}

func TestPhrase(t *testing.T) {
	for _, c := range []struct{ name, lang, in, want string }{
		{"English stays", "en", "it is empty", "it is empty"},
		{"Japanese", "ja", "it is empty", "空です"},
		{"values are kept", "ja", "give 1 to 60 minutes", "1〜60分を指定してください"},
		{"a sentence that nobody translated stays", "ja", "the moon is full", "the moon is full"},
		{"a value with a percent sign does no harm", "ja", `there is no role "%s%d"`, `ロール "%s%d" はありません`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := phrase(c.lang, c.in); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestExplain(t *testing.T) {
	for _, c := range []struct{ name, lang, in, want string }{
		{"a missing field", "en", "expected required property name to be present", "name is missing: give it"},
		{"choices", "ja", `expected value to be one of "a, b"`, "次のいずれかを指定してください: a, b"},
		{"a bound", "ja", "expected number <= 100", "100 以下を指定してください"},
		{"an unknown field", "en", "unexpected property", "there is no such field: take it out, or correct its name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := explain(c.lang, c.in); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestSentence(t *testing.T) {
	for in, want := range map[string]string{"": "", "go on": "Go on.", "Done.": "Done.", "再接続": "再接続。", "完了。": "完了。", "é": "é。"} {
		if got := sentence(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestLanguage(t *testing.T) {
	for accept, want := range map[string]string{
		"": "en", "ja": "ja", "ja-JP,en;q=0.5": "ja", "en-GB,ja;q=0.9": "en", "fr": "en", "fr,ja;q=0.1": "ja", "%%%": "en",
	} {
		if got := Language(accept); got != want {
			t.Errorf("%q: got %s, want %s", accept, got, want)
		}
	}
}
