package httpapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"meibo/shared/directory"
)

// DirectoryView is what the company has set up for an organisation's directory at a system.
type DirectoryView struct {
	System          string           `json:"system"`
	Allowed         bool             `json:"allowed" doc:"A directory has been entered"`
	DirectoryID     string           `json:"directory_id" doc:"Id of the organisation's directory at the system; empty while none is entered" example:"1b2c3d4e-5f60-4718-9a2b-3c4d5e6f7081"`
	AllowedAt       *time.Time       `json:"allowed_at,omitempty"`
	Ending          bool             `json:"ending" doc:"It is being disconnected, and not all members' syncs are known to have stopped: disconnect once more, which goes on where it was (SM8)"`
	Capabilities    []CapabilityView `json:"capabilities" nullable:"false" doc:"What the system's administrator consents to, each by itself (SM2)"`
	EgressAddresses []string         `json:"egress_addresses" nullable:"false" doc:"The fixed addresses that Meibo comes from, for an organisation that admits certain addresses only (SM9); empty if this installation has none"`
}

// CapabilityView is one consent for a whole directory.
type CapabilityView struct {
	ID     string          `json:"id" example:"contacts"`
	State  directory.State `json:"state" enum:"not_asked,waiting,connected,failed,withdrawn" doc:"waiting: an administrator was sent to the system and is not back; withdrawn: it was connected, and the system no longer honours it"`
	Since  *time.Time      `json:"since,omitempty"`
	Until  *time.Time      `json:"until,omitempty" doc:"How long the address of the consent is good, while it is waiting"`
	Code   string          `json:"code" doc:"A stable name of why it failed; else empty"`
	Reason string          `json:"reason" doc:"Why it failed or was withdrawn, in words; else empty"`
	Cure   string          `json:"cure" doc:"What to do about it"`
	Who    string          `json:"who" enum:",system_admin,meibo_admin,operator" doc:"Who can do it: an administrator of the organisation's directory, one of the company at Meibo, or the operator of this installation"`
}

func (s *Server) directoryView(ctx context.Context, d directory.Directory) DirectoryView {
	v := DirectoryView{System: d.System, Allowed: d.ID != "", DirectoryID: d.ID, AllowedAt: when(d.Allowed), Ending: d.Ending,
		Capabilities: []CapabilityView{}, EgressAddresses: append([]string{}, s.EgressAddresses...)}
	for _, id := range s.Directories.Capabilities(d.System) {
		v.Capabilities = append(v.Capabilities, s.capabilityView(ctx, d, id))
	}
	return v
}

func (s *Server) capabilityView(ctx context.Context, d directory.Directory, id string) CapabilityView {
	c := d.Capability(id, s.Clock.Now())
	v := CapabilityView{ID: id, State: c.State, Since: when(c.At), Until: when(c.Until), Code: c.Code}
	code := c.Code
	if c.State == directory.Withdrawn {
		code = string(directory.Withdrawn)
	}
	if code != "" {
		w := adminWordsFor(code, s.EgressAddresses)
		lang := langOf(ctx)
		v.Reason, v.Cure, v.Who = w.what.in(lang), w.cure.in(lang), w.who
	}
	return v
}

// AdminConsentView is where an administrator of an organisation's directory goes to consent.
type AdminConsentView struct {
	AuthorizeURL string    `json:"authorize_url" doc:"Open it in the browser of an administrator of the directory, or send it to one. It works once"`
	Expires      time.Time `json:"expires"`
}

// InDirectory is the part of a request that says which system's directory it is about.
type InDirectory struct {
	InTenant
	System string `path:"system" minLength:"1" maxLength:"64" doc:"Id of the system"`
}

// stopTime bounds one request's stopping of connections, well below the gateway's limit of 30 seconds.
const stopTime = 20 * time.Second

func (s *Server) directoryOps() {
	const one, tag = "/tenants/{tenant}/directories/{system}", "Directories"
	inTenant(s, op{id: "get-directory", method: http.MethodGet, path: one, tag: tag, summary: "Read the set-up of an organisation's directory", about: "For administrators of the company."},
		func(ctx context.Context, c caller, in *InDirectory) (*Answer[DirectoryView], error) {
			d, err := s.Directories.Get(ctx, c.Member, in.System)
			if err != nil {
				return nil, err
			}
			return ok(s.directoryView(ctx, d)), nil
		})
	inTenant(s, op{id: "allow-directory", method: http.MethodPut, path: one, tag: tag, summary: "Allow members to sync with accounts of a directory",
		about: "For administrators of the company (SM1). The consent of the directory's administrator is asked for next. While one stands, another directory is refused: disconnect first."},
		func(ctx context.Context, c caller, in *struct {
			InDirectory
			Once
			Body struct {
				DirectoryID string `json:"directory_id" maxLength:"200" doc:"The directory (tenant) ID: 36 characters" example:"1b2c3d4e-5f60-4718-9a2b-3c4d5e6f7081"`
			}
		}) (*Answer[DirectoryView], error) {
			d, err := s.Directories.Allow(ctx, c.Member, in.System, in.Body.DirectoryID)
			if err != nil {
				return nil, err
			}
			return ok(s.directoryView(ctx, d)), nil
		})
	inTenant(s, op{id: "disconnect-directory", method: http.MethodDelete, path: one, tag: tag, summary: "Disconnect a directory, and stop the sync of all members with it",
		about: "For administrators of the company (SM8). All data stays on both sides. For very many members it can answer 503; sent again, it goes on where it was."},
		func(ctx context.Context, c caller, in *struct {
			InDirectory
			Once
		}) (*Nothing, error) {
			return &Nothing{}, s.disconnect(ctx, c, in.System)
		})
	inTenant(s, op{id: "start-directory-consent", method: http.MethodPost, path: one + "/consents", tag: tag, summary: "Begin an administrator's consent to a capability", status: http.StatusCreated,
		about: "For administrators of the company (SM2). Answers the address at which an administrator of the directory consents for the organisation. Capabilities are consented to one at a time."},
		func(ctx context.Context, c caller, in *struct {
			InDirectory
			Once
			Body struct {
				Capability string `json:"capability" minLength:"1" maxLength:"64" example:"contacts"`
			}
		}) (*Answer[AdminConsentView], error) {
			to, _, err := s.Directories.StartConsent(ctx, c.Member, in.System, in.Body.Capability)
			if err != nil {
				return nil, err
			}
			return created(AdminConsentView{to, s.Clock.Now().Add(directory.ConsentLife)}), nil
		})
}

// disconnect takes the directory away first, so that one that was cut off can be repeated.
func (s *Server) disconnect(ctx context.Context, c caller, system string) error {
	bounded, cancel := context.WithTimeout(ctx, stopTime)
	defer cancel()
	err := s.Directories.Disconnect(bounded, c.Member, system)
	if err != nil && errors.Is(bounded.Err(), context.DeadlineExceeded) && ctx.Err() == nil {
		p := busy.say(ctx)
		p.Detail = text{"The directory is being disconnected, and not all members' syncs are stopped yet.", "ディレクトリの連携を解除しています。まだ停止していないメンバーの同期があります。"}.in(langOf(ctx))
		p.retryAfter = 1
		return p
	}
	return err
}
