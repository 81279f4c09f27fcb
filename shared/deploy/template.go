package deploy

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"gopkg.in/yaml.v3"
)

// Template is a SAM template with its intrinsic functions in their long form: !Ref X reads as {"Ref": "X"}.
type Template struct {
	Root       string // folder of the project
	Parameters map[string]any
	Resources  map[string]Resource
	Globals    map[string]any
	Outputs    map[string]any
}

// Resource is one resource of a template.
type Resource struct {
	Type       string
	Condition  string
	Metadata   map[string]any
	Properties map[string]any
}

// Load reads template.yaml of the project that dir lies in.
func Load(dir string) (*Template, error) {
	root, err := findRoot(dir)
	if err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(filepath.Join(root, "template.yaml"))
	if err != nil {
		return nil, fmt.Errorf("deploy: %w", err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(raw, &doc); err != nil {
		return nil, fmt.Errorf("deploy: template.yaml: %w", err)
	}
	whole, ok := plain(&doc).(map[string]any)
	if !ok {
		return nil, fmt.Errorf("deploy: template.yaml is no mapping")
	}
	t := &Template{Root: root, Resources: map[string]Resource{}}
	t.Parameters, _ = whole["Parameters"].(map[string]any)
	t.Globals, _ = whole["Globals"].(map[string]any)
	t.Outputs, _ = whole["Outputs"].(map[string]any)
	resources, _ := whole["Resources"].(map[string]any)
	for name, r := range resources {
		m, ok := r.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("deploy: resource %s is no mapping", name)
		}
		res := Resource{}
		res.Type, _ = m["Type"].(string)
		res.Condition, _ = m["Condition"].(string)
		res.Metadata, _ = m["Metadata"].(map[string]any)
		res.Properties, _ = m["Properties"].(map[string]any)
		t.Resources[name] = res
	}
	return t, nil
}

func findRoot(from string) (string, error) {
	dir, err := filepath.Abs(from)
	if err != nil {
		return "", fmt.Errorf("deploy: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", fmt.Errorf("deploy: no go.mod above %s", from)
		}
		dir = up
	}
}

// plain turns YAML into maps, lists and scalars. A short intrinsic becomes {"Fn::Name": value}; Ref and Condition have no prefix,
// and GetAtt's "A.B" becomes a list.
func plain(n *yaml.Node) any {
	switch n.Kind {
	case yaml.DocumentNode:
		return plain(n.Content[0])
	case yaml.AliasNode:
		return plain(n.Alias)
	}
	tag := n.Tag
	if strings.HasPrefix(tag, "!") && !strings.HasPrefix(tag, "!!") {
		bare := *n
		bare.Tag = ""
		return intrinsic(tag[1:], plain(&bare))
	}
	switch n.Kind {
	case yaml.MappingNode:
		m := make(map[string]any, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			m[n.Content[i].Value] = plain(n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, c := range n.Content {
			list[i] = plain(c)
		}
		return list
	}
	var v any
	if err := n.Decode(&v); err != nil {
		return n.Value
	}
	return v
}

func intrinsic(name string, v any) any {
	switch name {
	case "Ref", "Condition":
		return map[string]any{name: v}
	case "GetAtt":
		if s, ok := v.(string); ok {
			resource, attribute, _ := strings.Cut(s, ".")
			v = []any{resource, attribute}
		}
	}
	return map[string]any{"Fn::" + name: v}
}

// OfType returns the names of the resources of a type, sorted.
func (t *Template) OfType(kind string) []string {
	var names []string
	for name, r := range t.Resources {
		if r.Type == kind {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

// Functions returns the function resources by their folder in functions/.
func (t *Template) Functions() map[string]string {
	out := map[string]string{}
	for _, name := range t.OfType("AWS::Serverless::Function") {
		uri, _ := t.Resources[name].Properties["CodeUri"].(string)
		out[strings.TrimPrefix(strings.TrimSuffix(uri, "/"), "functions/")] = name
	}
	return out
}

// Target returns the resource that a Ref, a GetAtt or a Sub of one resource points at, or "". Of a condition it is what holds if the
// condition does.
func Target(v any) string {
	m, ok := v.(map[string]any)
	if !ok {
		return ""
	}
	if branch, ok := m["Fn::If"].([]any); ok && len(branch) == 3 {
		return Target(branch[1])
	}
	if ref, ok := m["Ref"].(string); ok {
		return ref
	}
	if att, ok := m["Fn::GetAtt"].([]any); ok && len(att) > 0 {
		s, _ := att[0].(string)
		return s
	}
	if sub, ok := m["Fn::Sub"].(string); ok {
		if _, rest, ok := strings.Cut(sub, "${"); ok {
			name, _, _ := strings.Cut(rest, "}")
			name, _, _ = strings.Cut(name, ".")
			return name
		}
	}
	return ""
}

// Statement is one statement of a role's policies.
type Statement struct {
	Sid       string
	Effect    string
	Actions   []string
	Resources []any
	Condition map[string]any
}

// Statements returns all statements of a role, of conditional policies too.
func (t *Template) Statements(role string) []Statement {
	var out []Statement
	policies, _ := t.Resources[role].Properties["Policies"].([]any)
	for _, p := range policies {
		m, _ := p.(map[string]any)
		if branch, ok := m["Fn::If"].([]any); ok && len(branch) == 3 {
			m, _ = branch[1].(map[string]any)
		}
		doc, _ := m["PolicyDocument"].(map[string]any)
		statements, _ := doc["Statement"].([]any)
		for _, s := range statements {
			sm, _ := s.(map[string]any)
			st := Statement{Resources: list(sm["Resource"])}
			st.Sid, _ = sm["Sid"].(string)
			st.Effect, _ = sm["Effect"].(string)
			st.Condition, _ = sm["Condition"].(map[string]any)
			for _, a := range list(sm["Action"]) {
				text, _ := a.(string)
				st.Actions = append(st.Actions, text)
			}
			out = append(out, st)
		}
	}
	return out
}

func list(v any) []any {
	if l, ok := v.([]any); ok {
		return l
	}
	if v == nil {
		return nil
	}
	return []any{v}
}

// Route is one route of the HTTP API.
type Route struct {
	Key      string // "GET /path" or "ANY /path/{proxy+}"
	JWT      bool
	Function string // folder of the function that answers
}

// Routes returns the HTTP API's routes, sorted by key.
func (t *Template) Routes() []Route {
	folder := map[string]string{}
	for f, name := range t.Functions() {
		folder[name] = f
	}
	var out []Route
	for _, name := range t.OfType("AWS::ApiGatewayV2::Route") {
		p := t.Resources[name].Properties
		r := Route{}
		r.Key, _ = p["RouteKey"].(string)
		r.JWT = p["AuthorizationType"] == "JWT" && Target(p["AuthorizerId"]) != ""
		integration := t.Resources[Target(p["Target"])]
		r.Function = folder[Target(integration.Properties["IntegrationUri"])]
		out = append(out, r)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Key < out[j].Key })
	return out
}

// fits reports whether path has the segments of pattern; {name} stands for any one segment.
func fits(pattern, path string) bool {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return false
	}
	for i, w := range want {
		variable := strings.HasPrefix(w, "{") && !strings.HasSuffix(w, "+}")
		if w != got[i] && !(variable && got[i] != "") {
			return false
		}
	}
	return true
}

// Match returns the route that API Gateway takes for a request, and whether there is one: the exact path first, then the longest
// that ends in a greedy variable.
func (t *Template) Match(method, path string) (Route, bool) {
	best, found := Route{}, false
	for _, r := range t.Routes() {
		m, pattern, _ := strings.Cut(r.Key, " ")
		if m != "ANY" && m != method {
			continue
		}
		if fits(pattern, path) {
			return r, true
		}
		prefix, greedy := strings.CutSuffix(pattern, "{proxy+}")
		if greedy && strings.HasPrefix(path, prefix) && len(path) > len(prefix) && (!found || len(r.Key) > len(best.Key)) {
			best, found = r, true
		}
	}
	return best, found
}
