package hubspot

import (
	"maps"
	"net/http"
	"time"

	"meibo/shared/sandbox"
)

// controlHandler is the common control surface with HubSpot's verbs. Each takes one JSON object; user is an e-mail address.
//
//	POST /sandbox/merge             {"user","winner","loser"} -> {"id"}
//	POST /sandbox/owner             {"user","id","owner"}
//	POST /sandbox/archive, /sandbox/restore, /sandbox/gdpr  {"user","id"}
//	POST /sandbox/property          {"user","id","name","value"}   sets a value as a person does
//	POST /sandbox/touch             {"user","id","ids":[],"at":"RFC 3339"}   all contacts without an id; now without at
//	POST /sandbox/recompute         {"count"}   contacts a minute
//	POST /sandbox/lifecycle         {"user","mode":"refuse" or "keep","default","stages":[]}   each only if given
//	POST /sandbox/rules             {"user","name","value"}   a pattern for a property
//	POST /sandbox/groups            {"user","id","groups":[]}, or {"user","name","property","value"} -> {"id"} of the segment
//	DELETE /sandbox/groups          {"user","id"}
//	POST /sandbox/properties        {"user","name","type","options":[]} -> {"name"}
//	DELETE /sandbox/properties      {"user","name"}
//	POST /sandbox/hook              {"url","properties":[],"collect"}   each only if given
//	GET  /sandbox/hook              the same
//	GET  /sandbox/portal?user=      {"hub_id","user_id","owner_id"}
//	POST /sandbox/quirks            Quirks
//	POST /sandbox/limits            Limits
//	POST /sandbox/lag               {"lag":"2m"}
//	POST /sandbox/scopes            {"user","scopes":[]}
//	POST /sandbox/access/expire, /sandbox/revoke, /sandbox/uninstall  {"user"}
//	POST, GET /sandbox/push         see sandbox.Pusher
func (s *Sandbox) controlHandler() http.Handler {
	verbs := map[string]http.HandlerFunc{
		"POST /sandbox/merge":         sandbox.Verb(s.mergeVerb),
		"POST /sandbox/owner":         sandbox.Verb(func(in verbInput) (any, error) { return nil, s.SetOwner(in.User, in.ID, in.Owner) }),
		"POST /sandbox/archive":       sandbox.Verb(func(in verbInput) (any, error) { return nil, s.Remove(in.User, in.ID) }),
		"POST /sandbox/restore":       sandbox.Verb(func(in verbInput) (any, error) { return nil, s.Restore(in.User, in.ID) }),
		"POST /sandbox/gdpr":          sandbox.Verb(func(in verbInput) (any, error) { return nil, s.GDPRDelete(in.User, in.ID) }),
		"POST /sandbox/property":      sandbox.Verb(func(in verbInput) (any, error) { return nil, s.SetProperty(in.User, in.ID, in.Name, in.Value) }),
		"POST /sandbox/touch":         sandbox.Verb(s.touchVerb),
		"POST /sandbox/recompute":     sandbox.Verb(func(in verbInput) (any, error) { s.SetRecompute(in.Count); return nil, nil }),
		"POST /sandbox/lifecycle":     sandbox.Verb(s.lifecycleVerb),
		"POST /sandbox/rules":         sandbox.Verb(func(in verbInput) (any, error) { return nil, s.SetRule(in.User, in.Name, in.Value) }),
		"POST /sandbox/groups":        sandbox.Verb(s.groupVerb),
		"DELETE /sandbox/groups":      sandbox.Verb(func(in verbInput) (any, error) { return nil, s.RemoveGroup(in.User, in.ID) }),
		"POST /sandbox/properties":    sandbox.Verb(s.propertyVerb),
		"DELETE /sandbox/properties":  sandbox.Verb(func(in verbInput) (any, error) { return nil, s.RemoveProperty(in.User, in.Name) }),
		"POST /sandbox/hook":          sandbox.Verb(s.hookVerb),
		"POST /sandbox/lag":           sandbox.Verb(s.lagVerb),
		"POST /sandbox/scopes":        sandbox.Verb(func(in verbInput) (any, error) { return nil, s.SetScopes(in.User, in.Scopes) }),
		"POST /sandbox/access/expire": sandbox.Verb(func(in verbInput) (any, error) { return nil, s.ExpireAccess(in.User) }),
		"POST /sandbox/revoke":        sandbox.Verb(func(in verbInput) (any, error) { return nil, s.RevokeUser(in.User) }),
		"POST /sandbox/uninstall":     sandbox.Verb(func(in verbInput) (any, error) { return nil, s.Uninstall(in.User) }),
		"POST /sandbox/quirks":        sandbox.SettingVerb(s.SetQuirks),
		"POST /sandbox/limits":        sandbox.SettingVerb(func(l Limits) error { s.SetLimits(l); return nil }),
		"GET /sandbox/hook": func(w http.ResponseWriter, _ *http.Request) {
			s.mu.Lock()
			h := s.hook
			s.mu.Unlock()
			sandbox.ControlAnswer(w, h, nil)
		},
		"GET /sandbox/portal": func(w http.ResponseWriter, r *http.Request) {
			hub, user, owner, err := s.Portal(r.URL.Query().Get("user"))
			sandbox.ControlAnswer(w, object{"hub_id": hub, "user_id": user, "owner_id": owner}, err)
		},
	}
	maps.Copy(verbs, s.pusher.Verbs())
	return sandbox.Control(sandbox.ControlConfig{Book: s, Faults: s.faults, Clock: s.cfg.Clock, Verbs: verbs})
}

// verbInput has the members of all verbs; each uses its own.
type verbInput struct {
	User       string    `json:"user"`
	ID         string    `json:"id"`
	IDs        []string  `json:"ids"`
	Winner     string    `json:"winner"`
	Loser      string    `json:"loser"`
	Owner      string    `json:"owner"`
	At         time.Time `json:"at"`
	Count      int       `json:"count"`
	Mode       string    `json:"mode"`
	Default    *string   `json:"default"`
	Stages     []string  `json:"stages"`
	Name       string    `json:"name"`
	Value      string    `json:"value"`
	Type       string    `json:"type"`
	Options    []string  `json:"options"`
	Groups     []string  `json:"groups"`
	Property   string    `json:"property"`
	URL        *string   `json:"url"`
	Properties []string  `json:"properties"`
	Collect    *bool     `json:"collect"`
	Scopes     []string  `json:"scopes"`
	Lag        string    `json:"lag"`
}

func (s *Sandbox) mergeVerb(in verbInput) (any, error) {
	id, err := s.Merge(in.User, in.Winner, in.Loser)
	return object{"id": id}, err
}

func (s *Sandbox) touchVerb(in verbInput) (any, error) {
	ids := in.IDs
	if in.ID != "" {
		ids = append(ids, in.ID)
	}
	return nil, s.Touch(in.User, in.At, ids...)
}

func (s *Sandbox) lifecycleVerb(in verbInput) (any, error) {
	if len(in.Stages) > 0 {
		if err := s.SetStages(in.User, in.Stages...); err != nil {
			return nil, err
		}
	}
	return nil, s.SetLifecycle(in.User, in.Mode, in.Default)
}

func (s *Sandbox) groupVerb(in verbInput) (any, error) {
	if in.ID != "" {
		return nil, s.SetGroups(in.User, in.ID, in.Groups)
	}
	id, err := s.AddGroup(in.User, in.Name, in.Property, in.Value)
	return object{"id": id}, err
}

func (s *Sandbox) propertyVerb(in verbInput) (any, error) {
	name, err := s.AddProperty(in.User, in.Name, in.Type, in.Options...)
	return object{"name": name}, err
}

func (s *Sandbox) hookVerb(in verbInput) (any, error) {
	if in.URL != nil || len(in.Properties) > 0 {
		s.mu.Lock()
		url := s.hook.URL
		s.mu.Unlock()
		if in.URL != nil {
			url = *in.URL
		}
		if err := s.SetHook(url, in.Properties...); err != nil {
			return nil, err
		}
	}
	if in.Collect != nil {
		return nil, s.CollectEvents(*in.Collect)
	}
	return nil, nil
}

func (s *Sandbox) lagVerb(in verbInput) (any, error) {
	d, err := time.ParseDuration(in.Lag)
	if err == nil {
		s.SetLag(d)
	}
	return nil, err
}
