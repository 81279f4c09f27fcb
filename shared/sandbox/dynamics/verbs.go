package dynamics

import (
	"net/http"
	"time"

	"meibo/shared/sandbox"
)

// verbs are the routes of Dynamics's own under /sandbox/. Each takes one JSON object; user is an e-mail address, table a logical name.
//
//	POST   /sandbox/merge           {"user","winner","loser"}
//	POST   /sandbox/owner           {"user","id","owner"}
//	POST   /sandbox/deactivate      {"user","id"}; POST /sandbox/activate takes it back
//	POST   /sandbox/qualify         {"user","id"} -> {"contact"}
//	POST   /sandbox/privileges      {"user","verb","table","depth"}
//	POST   /sandbox/groups          {"user","id","groups":[names]}, or {"user","name","query"} -> {"id"} of the list
//	DELETE /sandbox/groups          {"user","id"}
//	POST   /sandbox/views           {"user","table","name","query","personal"} -> {"id"}
//	DELETE /sandbox/views           {"user","id"}
//	POST   /sandbox/columns         {"user","column":Column}
//	POST   /sandbox/secure          {"user","table","name","enabled"}
//	POST   /sandbox/tracking        {"user","table","enabled"}
//	POST   /sandbox/absent          {"user","table","enabled"}    true takes the table away
//	POST   /sandbox/cursors/expire, /sandbox/access/expire, /sandbox/revoke  {"user"}
//	POST   /sandbox/token-error     {"user","code"}
//	POST   /sandbox/tenant          {"user","admin_consent_required"}
//	POST   /sandbox/lag             {"lag":"2m"}
//	POST   /sandbox/limits          Limits
//	POST   /sandbox/quirks          Quirks
//	POST   /sandbox/part-faults     one Fault, for operations of batches
//	DELETE /sandbox/part-faults
func (s *Sandbox) verbs() map[string]http.HandlerFunc {
	plain := func(do func(verbInput) error) http.HandlerFunc {
		return sandbox.Verb(func(in verbInput) (any, error) { return members{}, do(in) })
	}
	made := func(name string, do func(verbInput) (string, error)) http.HandlerFunc {
		return sandbox.Verb(func(in verbInput) (any, error) {
			id, err := do(in)
			return members{name: id}, err
		})
	}
	return map[string]http.HandlerFunc{
		"POST /sandbox/merge":      plain(func(in verbInput) error { return s.Merge(in.User, in.Winner, in.Loser) }),
		"POST /sandbox/owner":      plain(func(in verbInput) error { return s.SetOwner(in.User, in.ID, in.Owner) }),
		"POST /sandbox/deactivate": plain(func(in verbInput) error { return s.SetActive(in.User, in.ID, false) }),
		"POST /sandbox/activate":   plain(func(in verbInput) error { return s.SetActive(in.User, in.ID, true) }),
		"POST /sandbox/qualify":    made("contact", func(in verbInput) (string, error) { return s.Qualify(in.User, in.ID) }),
		"POST /sandbox/privileges": plain(func(in verbInput) error { return s.SetPrivilege(in.User, in.Verb, in.Table, in.Depth) }),
		"POST /sandbox/groups": made("id", func(in verbInput) (string, error) {
			if in.ID != "" {
				return in.ID, s.SetGroups(in.User, in.ID, in.Groups)
			}
			return s.AddList(in.User, in.Name, in.Query)
		}),
		"DELETE /sandbox/groups": plain(func(in verbInput) error { return s.RemoveList(in.User, in.ID) }),
		"POST /sandbox/views": made("id", func(in verbInput) (string, error) {
			return s.AddView(in.User, in.Table, in.Name, in.Query, in.Personal)
		}),
		"DELETE /sandbox/views":        plain(func(in verbInput) error { return s.RemoveView(in.User, in.ID) }),
		"POST /sandbox/columns":        plain(func(in verbInput) error { return s.AddColumn(in.User, in.Column) }),
		"POST /sandbox/secure":         plain(func(in verbInput) error { return s.SecureColumn(in.User, in.Table, in.Name, in.Enabled) }),
		"POST /sandbox/tracking":       plain(func(in verbInput) error { return s.SetTracking(in.User, in.Table, in.Enabled) }),
		"POST /sandbox/absent":         plain(func(in verbInput) error { return s.SetAbsent(in.User, in.Table, in.Enabled) }),
		"POST /sandbox/cursors/expire": plain(func(in verbInput) error { return s.ExpireCursors(in.User) }),
		"POST /sandbox/access/expire":  plain(func(in verbInput) error { return s.ExpireAccess(in.User) }),
		"POST /sandbox/revoke":         plain(func(in verbInput) error { return s.RevokeUser(in.User) }),
		"POST /sandbox/token-error":    plain(func(in verbInput) error { return s.SetTokenError(in.User, in.Code) }),
		"POST /sandbox/tenant":         plain(func(in verbInput) error { return s.SetAdminConsentRequired(in.User, in.AdminConsent) }),
		"POST /sandbox/lag": plain(func(in verbInput) error {
			d, err := time.ParseDuration(in.Lag)
			if err != nil {
				return err
			}
			return s.SetLag(d)
		}),
		"POST /sandbox/limits": sandbox.SettingVerb(s.SetLimits),
		"POST /sandbox/quirks": sandbox.SettingVerb(s.SetQuirks),
		"POST /sandbox/part-faults": sandbox.Verb(func(in sandbox.Fault) (any, error) {
			s.parts.Add(in)
			return members{}, nil
		}),
		"DELETE /sandbox/part-faults": func(w http.ResponseWriter, _ *http.Request) {
			s.parts.Clear()
			sandbox.ControlAnswer(w, members{}, nil)
		},
	}
}

// verbInput has the members of all verbs; each uses its own.
type verbInput struct {
	User         string   `json:"user"`
	ID           string   `json:"id"`
	Winner       string   `json:"winner"`
	Loser        string   `json:"loser"`
	Owner        string   `json:"owner"`
	Verb         string   `json:"verb"`
	Table        string   `json:"table"`
	Depth        string   `json:"depth"`
	Name         string   `json:"name"`
	Query        string   `json:"query"` // FetchXML
	Groups       []string `json:"groups"`
	Personal     bool     `json:"personal"`
	Column       Column   `json:"column"`
	Enabled      bool     `json:"enabled"`
	Code         int      `json:"code"`
	AdminConsent bool     `json:"admin_consent_required"`
	Lag          string   `json:"lag"`
}
