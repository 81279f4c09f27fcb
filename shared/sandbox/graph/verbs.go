package graph

import (
	"maps"
	"net/http"
	"time"

	"meibo/shared/sandbox"
)

// verbs are the routes of Microsoft's own under /sandbox/. All but the directories and the last five take ?user=EMAIL.
//
//	POST   /sandbox/members          {"id","groups":[names]}
//	POST   /sandbox/merge            {"winner","loser"}
//	GET    /sandbox/groups           {"groups":[Group]}
//	POST   /sandbox/groups           {"name","hidden"} -> {"id"}
//	PATCH  /sandbox/groups/{id}      {"name"}
//	DELETE /sandbox/groups/{id}
//	PUT    /sandbox/photos/{id}      a JPEG; an empty body takes the picture away
//	GET    /sandbox/photos/{id}      the JPEG; 404 without one
//	POST   /sandbox/expire-cursors
//	POST   /sandbox/revoke
//	POST   /sandbox/expire-access
//	POST   /sandbox/scopes           {"scopes":[...]}
//	POST   /sandbox/token-error      {"code"}
//	POST   /sandbox/tenant           {"admin_consent_required"}
//	POST   /sandbox/admin-consent    {"scopes":[...],"roles":[...]}
//	GET    /sandbox/directories      {"directories":[Directory]}
//	POST   /sandbox/directory        DirectoryChange
//	GET    /sandbox/subscriptions    {"subscriptions":[Subscription]}
//	DELETE /sandbox/subscriptions
//	POST   /sandbox/lifecycle        {"event"}
//	POST   /sandbox/lag              {"seconds"}
//	POST   /sandbox/limits           Limits
//	POST   /sandbox/quirks           Quirks
//	POST   /sandbox/part-faults      one Fault, for parts of batches
//	DELETE /sandbox/part-faults
//
// and /sandbox/push of the Pusher.
func (s *Sandbox) verbs() map[string]http.HandlerFunc {
	type reply = map[string]any
	user := func(r *http.Request) string { return r.URL.Query().Get("user") }
	verbs := map[string]http.HandlerFunc{
		"POST /sandbox/members": sandbox.RequestVerb(func(r *http.Request, in struct {
			ID     string
			Groups []string
		}) (any, error) {
			return reply{}, s.SetGroups(user(r), in.ID, in.Groups)
		}),
		"POST /sandbox/merge": sandbox.RequestVerb(func(r *http.Request, in struct{ Winner, Loser string }) (any, error) {
			return reply{}, s.Merge(user(r), in.Winner, in.Loser)
		}),
		"GET /sandbox/groups": func(w http.ResponseWriter, r *http.Request) {
			groups, err := s.Groups(user(r))
			sandbox.ControlAnswer(w, reply{"groups": groups}, err)
		},
		"POST /sandbox/groups": sandbox.RequestVerb(func(r *http.Request, in struct {
			Name   string
			Hidden bool
		}) (any, error) {
			id, err := s.AddFolder(user(r), in.Name, in.Hidden)
			return reply{"id": id}, err
		}),
		"PATCH /sandbox/groups/{id...}": sandbox.RequestVerb(func(r *http.Request, in struct{ Name string }) (any, error) {
			return reply{}, s.RenameFolder(user(r), r.PathValue("id"), in.Name)
		}),
		"DELETE /sandbox/groups/{id...}": sandbox.BareVerb(func(r *http.Request) error { return s.RemoveFolder(user(r), r.PathValue("id")) }),
		"PUT /sandbox/photos/{id...}":    s.controlPutPhoto,
		"GET /sandbox/photos/{id...}":    s.controlGetPhoto,
		"POST /sandbox/expire-cursors":   sandbox.BareVerb(func(r *http.Request) error { return s.ExpireCursors(user(r)) }),
		"POST /sandbox/revoke":           sandbox.BareVerb(func(r *http.Request) error { return s.RevokeUser(user(r)) }),
		"POST /sandbox/expire-access":    sandbox.BareVerb(func(r *http.Request) error { return s.ExpireAccess(user(r)) }),
		"POST /sandbox/scopes": sandbox.RequestVerb(func(r *http.Request, in struct{ Scopes []string }) (any, error) {
			return reply{}, s.SetScopes(user(r), in.Scopes)
		}),
		"POST /sandbox/token-error": sandbox.RequestVerb(func(r *http.Request, in struct{ Code int }) (any, error) {
			return reply{}, s.SetTokenError(user(r), in.Code)
		}),
		"POST /sandbox/tenant": sandbox.RequestVerb(func(r *http.Request, in struct {
			Required bool `json:"admin_consent_required"`
		}) (any, error) {
			return reply{}, s.SetAdminConsentRequired(user(r), in.Required)
		}),
		"POST /sandbox/admin-consent": sandbox.RequestVerb(func(r *http.Request, in struct{ Scopes, Roles []string }) (any, error) {
			return reply{}, s.GrantAdminConsent(user(r), in.Scopes, in.Roles)
		}),
		"GET /sandbox/directories": func(w http.ResponseWriter, _ *http.Request) {
			sandbox.ControlAnswer(w, reply{"directories": s.Directories()}, nil)
		},
		"POST /sandbox/directory": sandbox.SettingVerb(s.ChangeDirectory),
		"GET /sandbox/subscriptions": func(w http.ResponseWriter, r *http.Request) {
			subs, err := s.Subscriptions(user(r))
			sandbox.ControlAnswer(w, reply{"subscriptions": subs}, err)
		},
		"DELETE /sandbox/subscriptions": sandbox.BareVerb(func(r *http.Request) error { return s.RemoveSubscriptions(user(r)) }),
		"POST /sandbox/lifecycle": sandbox.RequestVerb(func(r *http.Request, in struct{ Event string }) (any, error) {
			return reply{}, s.Lifecycle(user(r), in.Event)
		}),
		"POST /sandbox/lag": sandbox.Verb(func(in struct{ Seconds float64 }) (any, error) {
			return reply{}, s.SetLag(time.Duration(in.Seconds * float64(time.Second)))
		}),
		"POST /sandbox/limits": sandbox.SettingVerb(s.SetLimits),
		"POST /sandbox/quirks": sandbox.SettingVerb(s.SetQuirks),
		"POST /sandbox/part-faults": sandbox.Verb(func(in sandbox.Fault) (any, error) {
			s.parts.Add(in)
			return reply{}, nil
		}),
		"DELETE /sandbox/part-faults": sandbox.BareVerb(func(*http.Request) error {
			s.parts.Clear()
			return nil
		}),
	}
	maps.Copy(verbs, s.pusher.Verbs())
	return verbs
}

func (s *Sandbox) controlPutPhoto(w http.ResponseWriter, r *http.Request) {
	body, err := readAll(r)
	if err == nil {
		err = s.SetPhoto(r.URL.Query().Get("user"), r.PathValue("id"), body)
	}
	sandbox.ControlAnswer(w, map[string]any{}, err)
}

func (s *Sandbox) controlGetPhoto(w http.ResponseWriter, r *http.Request) {
	jpeg, err := s.Photo(r.URL.Query().Get("user"), r.PathValue("id"))
	if err != nil {
		sandbox.ControlAnswer(w, nil, err)
		return
	}
	if jpeg == nil {
		sandbox.ControlError(w, http.StatusNotFound, "the contact has no picture")
		return
	}
	w.Header().Set("Content-Type", "image/jpeg")
	_, _ = w.Write(jpeg)
}
