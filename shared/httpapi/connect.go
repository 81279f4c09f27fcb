package httpapi

import (
	"context"
	"errors"
	"strings"
	"time"

	"meibo/shared/oauth"
	"meibo/shared/system"
	"meibo/shared/tenancy"
)

// ConsentView is where a person goes to authorise an account.
type ConsentView struct {
	AuthorizeURL string    `json:"authorize_url" doc:"Open it in the person's browser. It works once. Empty if no consent is needed."`
	Expires      time.Time `json:"expires"`
	Account      string    `json:"account" doc:"Id of the account that the connection has got without a consent, because the member has authorised it before (ZO8); else empty"`
}

type startConsent struct {
	InTenant
	Once
	Body struct {
		System     string `json:"system,omitempty" maxLength:"64" doc:"Id of the system; not needed with reconnect" example:"google"`
		LoginHint  string `json:"login_hint,omitempty" maxLength:"254" doc:"E-mail address of the account, to preselect it at the system"`
		Reconnect  string `json:"reconnect,omitempty" maxLength:"128" doc:"Id of the account whose authorisation is to be renewed"`
		Connection string `json:"connection,omitempty" maxLength:"128" doc:"Id of a connection that is to use the account"`
		Site       string `json:"site,omitempty" maxLength:"1024" doc:"The organisation's own address at the system, as the browser shows it, for a system that is connected by consent_with_site (HD1). Not needed with reconnect" example:"contoso.crm7.dynamics.com"`
		Return     string `json:"return,omitempty" maxLength:"1024" doc:"Path of this installation to come back to, beginning with a single /"`
	}
}

func (s *Server) startConsent(ctx context.Context, c caller, in *startConsent) (*Answer[ConsentView], error) {
	r := oauth.StartRequest{Tenant: c.Tenant, Member: c.ID, System: in.Body.System, LoginHint: in.Body.LoginHint,
		Connection: in.Body.Connection, Account: in.Body.Reconnect, Site: in.Body.Site, Return: in.Body.Return}
	sys, err := s.asked(ctx, c, &r)
	if err != nil {
		return nil, err
	}
	if sys.Key != nil {
		return nil, field(ctx, "body.system", text{"%s has no consent page: enter the account's API key (POST …/accounts/keys)", "%sには認可画面がありません。アカウントのAPIキーを入力してください(POST …/accounts/keys)"}, sys.Name)
	}
	if err := s.admissible(ctx, r); err != nil {
		return nil, err
	}
	if r.Connection != "" {
		if own, err := s.reuse(ctx, c, r); own != "" || err != nil {
			return created(ConsentView{Account: own, Expires: s.Clock.Now()}), err
		}
	}
	to, err := s.Consent(ctx, r)
	if err != nil {
		return nil, err
	}
	return created(ConsentView{AuthorizeURL: to, Expires: s.Clock.Now().Add(oauth.StateLife)}), nil
}

// asked completes what a member asks to be connected, and returns its system: a renewal is of the member's own account, which names the
// system, the address to preselect and the organisation's own.
func (s *Server) asked(ctx context.Context, c caller, r *oauth.StartRequest) (system.System, error) {
	if r.Account != "" {
		a, err := s.Tenancy.Account(ctx, c.Member, r.Account)
		if err != nil {
			return system.System{}, err
		}
		switch {
		case a.Member != c.ID:
			return system.System{}, forbidden.say(ctx)
		case r.System != "" && r.System != a.System:
			return system.System{}, field(ctx, "body.system", text{"the account to reconnect is of another system: leave it out", "再接続するアカウントは別の接続先のものです。指定を外してください"})
		}
		if r.LoginHint == "" {
			r.LoginHint = a.Identity.Email
		}
		if r.Site == "" {
			r.Site = a.Identity.Site
		}
		r.System = a.System
	}
	sys, known := system.Find(s.Systems, r.System)
	if !known {
		return sys, field(ctx, "body.system", text{"Meibo does not know this system: choose an id of GET /v1/systems", "この接続先はありません。GET /v1/systems のIDから選んでください"})
	}
	r.Side = sys.Side
	if r.Connection != "" {
		if _, err := s.Tenancy.Connection(ctx, c.Member, r.Connection); err != nil {
			return sys, err
		}
	}
	return sys, nil
}

// admissible refuses what an administrator has to make possible first (SM3), before the person goes anywhere.
func (s *Server) admissible(ctx context.Context, r oauth.StartRequest) error {
	return s.Tenancy.Admissible(ctx, tenancy.Intent{Tenant: r.Tenant, System: r.System, Side: r.Side, Connection: r.Connection, Account: r.Account})
}

type enterKey struct {
	InTenant
	Once
	Body struct {
		System     string `json:"system,omitempty" maxLength:"64" doc:"Id of the system; not needed with reconnect" example:"sansan"`
		Key        string `json:"key" minLength:"1" maxLength:"1024" doc:"The API key of the person's account, as the system shows it. It is kept sealed and never shown again"`
		Reconnect  string `json:"reconnect,omitempty" maxLength:"128" doc:"Id of the account whose key is to be replaced"`
		Connection string `json:"connection,omitempty" maxLength:"128" doc:"Id of a connection that is to use the account"`
	}
}

// enterKey connects an account by its key. One that the member has already is renewed.
func (s *Server) enterKey(ctx context.Context, c caller, in *enterKey) (*Answer[AccountView], error) {
	r := oauth.StartRequest{Tenant: c.Tenant, Member: c.ID, System: in.Body.System, Connection: in.Body.Connection, Account: in.Body.Reconnect}
	sys, err := s.asked(ctx, c, &r)
	if err != nil {
		return nil, err
	}
	if sys.Key == nil {
		return nil, field(ctx, "body.system", text{"%s takes no API keys here: connect the account by its consent page (POST …/accounts)", "%sではAPIキーを使いません。認可画面でアカウントを接続してください(POST …/accounts)"}, sys.Name)
	}
	if err := s.admissible(ctx, r); err != nil {
		return nil, err
	}
	began := s.Clock.Now()
	o, err := s.Enter(ctx, r, in.Body.Key)
	if err != nil {
		return nil, s.keyError(ctx, sys, err)
	}
	a, err := s.Tenancy.Account(ctx, c.Member, o.Account)
	if err != nil {
		return nil, err
	}
	if r.Account != "" || a.Created.Before(began) {
		return ok(accountView(a)), nil
	}
	return created(accountView(a)), nil
}

// keyError says, in the language of the request, where a key that is none is to be found.
func (s *Server) keyError(ctx context.Context, sys system.System, err error) error {
	var refused *oauth.RefusedError
	if !errors.As(err, &refused) || refused.Code != "key" || langOf(ctx) == "en" {
		return err
	}
	where, looks := keyText(langOf(ctx), sys.ID, *sys.Key)
	return field(ctx, "body.key", text{ja: "%sのAPIキーではないか、%sで受け付けられません。キーは%sです。全体をコピーし直すか、新しく発行してください。%s"}, sys.Name, sys.Name, looks, where)
}

// reuse gives the connection an account that needs no consent, and returns its id, or "" if there is none.
func (s *Server) reuse(ctx context.Context, c caller, r oauth.StartRequest) (string, error) {
	if r.Account != "" || r.LoginHint != "" && !strings.EqualFold(r.LoginHint, c.Email) {
		return "", nil
	}
	own, err := s.Tenancy.OwnAccount(ctx, c.Member, r.System)
	if errors.Is(err, tenancy.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	_, err = s.Tenancy.Attach(ctx, c.Member, r.Connection, own.ID)
	return own.ID, err
}
