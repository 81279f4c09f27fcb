package google

import (
	"maps"
	"net/http"
	"time"

	"meibo/shared/sandbox"
)

// verbs are Google's own control routes; all but the last three take ?user=EMAIL.
//
//	POST   /sandbox/merge           {"winner","loser"}
//	POST   /sandbox/rekey           {"id","forget":false} -> {"id"}
//	POST   /sandbox/expire-cursors
//	POST   /sandbox/revoke
//	POST   /sandbox/expire-access
//	POST   /sandbox/scopes          {"scopes":[...]}
//	POST   /sandbox/members         {"id","groups":[names]}
//	GET    /sandbox/groups          {"groups":[{"id","name","system","members"}]}
//	POST   /sandbox/groups          {"name"} -> {"id"}
//	DELETE /sandbox/groups/{id}     id as contactGroups/...
//	PUT, GET /sandbox/photos/{id}   see sandbox.PhotoVerbs
//	POST   /sandbox/lag             {"seconds"}
//	POST   /sandbox/limits          Limits
//	POST   /sandbox/service         {"disabled"}
func (s *Sandbox) verbs() map[string]http.HandlerFunc {
	type reply = map[string]any
	user := func(r *http.Request) string { return r.URL.Query().Get("user") }
	verbs := map[string]http.HandlerFunc{
		"POST /sandbox/merge": sandbox.RequestVerb(func(r *http.Request, in struct{ Winner, Loser string }) (any, error) {
			return reply{}, s.Merge(user(r), in.Winner, in.Loser)
		}),
		"POST /sandbox/rekey": sandbox.RequestVerb(func(r *http.Request, in struct {
			ID     string
			Forget bool
		}) (any, error) {
			id, err := s.Rekey(user(r), in.ID, in.Forget)
			return reply{"id": id}, err
		}),
		"POST /sandbox/expire-cursors": sandbox.BareVerb(func(r *http.Request) error { return s.ExpireCursors(user(r)) }),
		"POST /sandbox/revoke":         sandbox.BareVerb(func(r *http.Request) error { return s.RevokeUser(user(r)) }),
		"POST /sandbox/expire-access":  sandbox.BareVerb(func(r *http.Request) error { return s.ExpireAccess(user(r)) }),
		"POST /sandbox/scopes": sandbox.RequestVerb(func(r *http.Request, in struct{ Scopes []string }) (any, error) {
			return reply{}, s.SetScopes(user(r), in.Scopes)
		}),
		"POST /sandbox/members": sandbox.RequestVerb(func(r *http.Request, in struct {
			ID     string
			Groups []string
		}) (any, error) {
			return reply{}, s.SetGroups(user(r), in.ID, in.Groups)
		}),
		"GET /sandbox/groups": func(w http.ResponseWriter, r *http.Request) {
			groups, err := s.Groups(user(r))
			sandbox.ControlAnswer(w, reply{"groups": groups}, err)
		},
		"POST /sandbox/groups": sandbox.RequestVerb(func(r *http.Request, in struct{ Name string }) (any, error) {
			id, err := s.AddGroup(user(r), in.Name)
			return reply{"id": id}, err
		}),
		"DELETE /sandbox/groups/{id...}": sandbox.BareVerb(func(r *http.Request) error { return s.RemoveGroup(user(r), r.PathValue("id")) }),
		"POST /sandbox/lag": sandbox.Verb(func(in struct{ Seconds float64 }) (any, error) {
			return reply{}, s.SetLag(time.Duration(in.Seconds * float64(time.Second)))
		}),
		"POST /sandbox/limits": sandbox.SettingVerb(s.SetLimits),
		"POST /sandbox/service": sandbox.Verb(func(in struct{ Disabled bool }) (any, error) {
			return reply{}, s.SetDisabled(in.Disabled)
		}),
	}
	maps.Copy(verbs, sandbox.PhotoVerbs(s))
	return verbs
}
