package deploy_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"meibo/shared/cloud"
)

func readme(t *testing.T) (root, text string) {
	t.Helper()
	root = load(t).Root
	raw, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return root, string(raw)
}

var mapLine = regexp.MustCompile(`(?m)^((?:functions|shared)/\S+) {2,}\S`)

func TestReadmeMap(t *testing.T) {
	root, text := readme(t)
	_, text, _ = strings.Cut(text, "\n## What is where\n")
	text, _, found := strings.Cut(text, "\n## ")
	if !found {
		t.Fatal("README.md has no section that says what is where")
	}
	var listed []string
	for _, m := range mapLine.FindAllStringSubmatch(text, -1) {
		listed = append(listed, m[1])
	}
	packages := map[string]bool{}
	for _, top := range []string{"functions", "shared"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() && d.Name() == "testdata" {
				return fs.SkipDir
			}
			if err == nil && filepath.Ext(path) == ".go" {
				rel, _ := filepath.Rel(root, filepath.Dir(path))
				packages[filepath.ToSlash(rel)] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for p := range packages {
		if !slices.Contains(listed, p) {
			t.Errorf("the map of README.md lacks %s", p)
		}
	}
	for i, p := range listed {
		if !packages[p] || slices.Contains(listed[:i], p) {
			t.Errorf("the map of README.md has %s, which is no package or stands there twice", p)
		}
	}
}

func TestReadmeNamesWhatIsConfigured(t *testing.T) {
	_, text := readme(t)
	tpl := load(t)
	names := []string{}
	_, _ = cloud.Read(func(name string) string { names = append(names, name); return "" }) // it fails, having asked for all
	names = append(names, tpl.OfType("AWS::CloudWatch::Alarm")...)
	for p := range tpl.Parameters {
		names = append(names, p)
	}
	for o := range tpl.Outputs {
		if strings.HasSuffix(o, "CallbackUrl") || strings.HasPrefix(o, "DeadLetterQueueA") {
			names = append(names, o)
		}
	}
	if len(names) < 20 {
		t.Fatalf("only %d names were found: %v", len(names), names)
	}
	for _, n := range names {
		if !regexp.MustCompile("[`<]" + n + "[`>]").MatchString(text) {
			t.Errorf("README.md does not name %s", n)
		}
	}
}

var requirement = regexp.MustCompile(`(?m)^\s+(\S+) v\S+$`)

// TestReadmeDependencies compares the table with what go.mod requires directly.
func TestReadmeDependencies(t *testing.T) {
	root, text := readme(t)
	_, table, found := strings.Cut(text, "\n## Dependencies\n")
	if !found {
		t.Fatal("README.md has no section on dependencies")
	}
	raw, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	var direct []string
	for _, m := range requirement.FindAllStringSubmatch(string(raw), -1) {
		direct = append(direct, m[1])
	}
	if len(direct) < 5 {
		t.Fatalf("go.mod requires %v directly", direct)
	}
	named := regexp.MustCompile("`([^`]+\\.[^`]+/[^`]+)`").FindAllStringSubmatch(table, -1)
	has := func(module string) bool {
		return slices.ContainsFunc(named, func(m []string) bool { return module == m[1] || strings.HasPrefix(module, m[1]+"/") })
	}
	for _, d := range direct {
		if !has(d) {
			t.Errorf("the table of dependencies lacks %s", d)
		}
	}
	for _, m := range named {
		if !slices.ContainsFunc(direct, func(d string) bool { return d == m[1] || strings.HasPrefix(d, m[1]+"/") }) {
			t.Errorf("the table of dependencies has %s, which go.mod does not require directly", m[1])
		}
	}
}
