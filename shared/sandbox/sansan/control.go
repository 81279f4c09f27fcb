package sansan

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"meibo/shared/record"
	"meibo/shared/sandbox"
)

// controlHandler is the common control surface with Sansan's verbs. Each takes one JSON object; user is an e-mail address, person and id
// are ids of persons, and where a card is meant an id may be that of one card too.
//
//	POST /sandbox/users          User -> View
//	GET  /sandbox/users          {"users":[View]}
//	POST /sandbox/key            {"user","revoke"} or {"user","replace"} -> {"key"}
//	POST /sandbox/merge          {"user","winner","loser","fresh"} -> {"person"}
//	POST /sandbox/split          {"user","card"} -> {"person"}
//	POST /sandbox/owner          {"user","id","owner"}
//	POST /sandbox/resign         {"user","to"}
//	POST /sandbox/private        {"user","enabled"}   only the owner sees the user's cards
//	POST /sandbox/forbidden      {"user","enabled"}   calls answer 403
//	POST /sandbox/cards          {"user","person","fields","owner","exchange_date","status","groups"} -> {"id","person"}
//	GET  /sandbox/cards?user=&person=  {"cards":[...]}, newest first
//	DELETE /sandbox/cards        {"user","card"}
//	POST /sandbox/status         {"user","card","status"}
//	POST /sandbox/touch          {"user","id"}
//	POST /sandbox/groups         {"user","id","groups":[]}, or {"user","name","type"} -> {"id"} of the tag
//	DELETE /sandbox/groups       {"user","id"}
//	POST /sandbox/cursors/expire {"user"}
//	POST /sandbox/quirks         Quirks
//	POST /sandbox/limits         Limits
//	POST /sandbox/lag            {"lag":"2m"}
func (s *Sandbox) controlHandler() http.Handler {
	common := sandbox.Control(sandbox.ControlConfig{Book: s, Faults: s.faults, Clock: s.cfg.Clock, Verbs: map[string]http.HandlerFunc{
		"POST /sandbox/key":            sandbox.Verb(s.keyVerb),
		"POST /sandbox/merge":          sandbox.Verb(s.mergeVerb),
		"POST /sandbox/split":          sandbox.Verb(s.splitVerb),
		"POST /sandbox/owner":          sandbox.Verb(func(in verbInput) (any, error) { return nil, s.SetOwner(in.User, in.ID, in.Owner) }),
		"POST /sandbox/resign":         sandbox.Verb(func(in verbInput) (any, error) { return nil, s.Resign(in.User, in.To) }),
		"POST /sandbox/private":        sandbox.Verb(func(in verbInput) (any, error) { return nil, s.SetPrivate(in.User, in.Enabled) }),
		"POST /sandbox/forbidden":      sandbox.Verb(func(in verbInput) (any, error) { return nil, s.SetForbidden(in.User, in.Enabled) }),
		"POST /sandbox/cards":          sandbox.Verb(s.cardVerb),
		"GET /sandbox/cards":           s.cardsVerb,
		"DELETE /sandbox/cards":        sandbox.Verb(func(in verbInput) (any, error) { return nil, s.RemoveCard(in.User, in.Card) }),
		"POST /sandbox/status":         sandbox.Verb(func(in verbInput) (any, error) { return nil, s.SetStatus(in.User, in.Card, in.Status) }),
		"POST /sandbox/touch":          sandbox.Verb(func(in verbInput) (any, error) { return nil, s.Touch(in.User, in.ID) }),
		"POST /sandbox/groups":         sandbox.Verb(s.groupVerb),
		"DELETE /sandbox/groups":       sandbox.Verb(func(in verbInput) (any, error) { return nil, s.RemoveGroup(in.User, in.ID) }),
		"POST /sandbox/cursors/expire": sandbox.Verb(func(in verbInput) (any, error) { return nil, s.ExpireCursors(in.User) }),
		"POST /sandbox/lag":            sandbox.Verb(s.lagVerb),
		"POST /sandbox/quirks":         sandbox.SettingVerb(s.SetQuirks),
		"POST /sandbox/limits":         sandbox.SettingVerb(func(l Limits) error { s.SetLimits(l); return nil }),
	}})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/sandbox/users" {
			s.userRoute(common, w, r)
			return
		}
		common.ServeHTTP(w, r)
	})
}

// held is an answer that is looked at before it goes out.
type held struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (h *held) WriteHeader(status int)      { h.status = status }
func (h *held) Write(b []byte) (int, error) { return h.body.Write(b) }

// userRoute lets the common routes do their work, their checks above all, and answers with the keys besides.
func (s *Sandbox) userRoute(common http.Handler, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, bodyLimit))
	if err != nil {
		sandbox.ControlAnswer(w, nil, err)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	h := &held{ResponseWriter: w}
	common.ServeHTTP(h, r)
	switch {
	case h.status != http.StatusOK:
		w.WriteHeader(h.status)
		_, _ = w.Write(h.body.Bytes())
	case r.Method == http.MethodGet:
		sandbox.WriteJSON(w, http.StatusOK, object{"users": s.Views()})
	default:
		var in User
		_ = json.Unmarshal(body, &in) // the common route parsed it
		v, err := s.View(in.Email)
		sandbox.ControlAnswer(w, v, err)
	}
}

// verbInput has the members of all verbs; each uses its own.
type verbInput struct {
	User         string        `json:"user"`
	ID           string        `json:"id"`
	Card         string        `json:"card"`
	Person       string        `json:"person"`
	Winner       string        `json:"winner"`
	Loser        string        `json:"loser"`
	Fresh        bool          `json:"fresh"`
	Revoke       bool          `json:"revoke"`
	Replace      bool          `json:"replace"`
	Owner        string        `json:"owner"`
	To           string        `json:"to"`
	Enabled      bool          `json:"enabled"`
	Fields       record.Fields `json:"fields"`
	ExchangeDate string        `json:"exchange_date"`
	Status       string        `json:"status"`
	Groups       []string      `json:"groups"`
	Name         string        `json:"name"`
	Type         string        `json:"type"`
	Lag          string        `json:"lag"`
}

func (s *Sandbox) keyVerb(in verbInput) (any, error) {
	if in.Revoke == in.Replace {
		return nil, errors.New(`choose "revoke" or "replace"`)
	}
	if in.Revoke {
		return object{"key": ""}, s.RevokeKey(in.User)
	}
	key, err := s.ReplaceKey(in.User)
	return object{"key": key}, err
}

func (s *Sandbox) mergeVerb(in verbInput) (any, error) {
	id, err := s.Merge(in.User, in.Winner, in.Loser, in.Fresh)
	return object{"person": id}, err
}

func (s *Sandbox) splitVerb(in verbInput) (any, error) {
	id, err := s.Split(in.User, in.Card)
	return object{"person": id}, err
}

func (s *Sandbox) cardVerb(in verbInput) (any, error) {
	id, person, err := s.AddCard(in.User, NewCard{
		Person: in.Person, Fields: in.Fields, Owner: in.Owner, ExchangeDate: in.ExchangeDate, Status: in.Status, Groups: in.Groups,
	})
	return object{"id": id, "person": person}, err
}

func (s *Sandbox) cardsVerb(w http.ResponseWriter, r *http.Request) {
	cards, err := s.Cards(r.URL.Query().Get("user"), r.URL.Query().Get("person"))
	sandbox.ControlAnswer(w, object{"cards": cards}, err)
}

func (s *Sandbox) groupVerb(in verbInput) (any, error) {
	if in.ID != "" {
		return nil, s.SetGroups(in.User, in.ID, in.Groups)
	}
	id, err := s.AddGroup(in.User, in.Name, in.Type)
	return object{"id": id}, err
}

func (s *Sandbox) lagVerb(in verbInput) (any, error) {
	d, err := time.ParseDuration(in.Lag)
	if err == nil {
		s.SetLag(d)
	}
	return nil, err
}

// marshal is JSON of what the sandbox made itself.
func marshal(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic("sansan sandbox: " + err.Error()) // maps of texts and truths marshal
	}
	return b
}
