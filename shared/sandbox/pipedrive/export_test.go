package pipedrive

import "fmt"

// Operation is a route as its test sees it.
type Operation struct {
	Method, Path string
	Version      int
	Cost         int
	Params       []string
	Scopes       []string
}

// Operations are all routes.
func Operations() []Operation {
	var out []Operation
	for _, r := range routes {
		out = append(out, Operation{r.method, fmt.Sprintf("/api/v%d/%s", r.v, r.pattern), r.v, r.cost, r.params, r.scope})
	}
	return out
}
