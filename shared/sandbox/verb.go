package sandbox

import "net/http"

// Verb is a control route that takes one JSON object as T and answers with what do returns; nil is {}.
func Verb[T any](do func(T) (any, error)) http.HandlerFunc {
	return RequestVerb(func(_ *http.Request, in T) (any, error) { return do(in) })
}

// RequestVerb is Verb for what needs the request's address too.
func RequestVerb[T any](do func(*http.Request, T) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in T
		if err := ControlBody(r, &in); err != nil {
			ControlAnswer(w, nil, err)
			return
		}
		out, err := do(r, in)
		if out == nil {
			out = map[string]any{}
		}
		ControlAnswer(w, out, err)
	}
}

// BareVerb is a control route that takes nothing but its address, and answers with {}.
func BareVerb(do func(*http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { ControlAnswer(w, map[string]any{}, do(r)) }
}

// SettingVerb is a control route that replaces a whole setting.
func SettingVerb[T any](set func(T) error) http.HandlerFunc {
	return Verb(func(in T) (any, error) { return nil, set(in) })
}
