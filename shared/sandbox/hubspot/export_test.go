package hubspot

import "strings"

// Operation is a route as its test sees it.
type Operation struct {
	Method, Path string
	Params       []string
}

// Operations are all routes in all versions, with contacts or companies as the type of objects.
func Operations() []Operation {
	var out []Operation
	for _, r := range routes {
		for version, prefix := range r.area {
			if version == r.absent {
				continue
			}
			path := prefix
			if r.pattern != "" {
				path += "/" + r.pattern
			}
			out = append(out, Operation{r.method, strings.Replace(path, "{type}", "contacts", 1), r.params})
		}
	}
	return out
}
