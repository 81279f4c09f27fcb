package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"meibo/shared/connector"
	"meibo/shared/oauth"
	"meibo/shared/profile"
	"meibo/shared/record"
	"meibo/shared/system"
	"meibo/shared/tenancy"
)

// AccountView is an external account.
type AccountView struct {
	ID          string               `json:"id"`
	Member      string               `json:"member"`
	System      string               `json:"system"`
	Side        profile.Side         `json:"side" enum:"crm,book"`
	State       tenancy.AccountState `json:"state" enum:"active,needs_reauth"`
	Email       string               `json:"email"`
	Name        string               `json:"name"`
	Company     string               `json:"company"`
	Permissions map[string]bool      `json:"permissions" doc:"What the system lets this account do with contacts, as far as it tells: view, create, edit, delete, sync"`
	Created     time.Time            `json:"created"`
}

func accountView(a tenancy.Account) AccountView {
	v := AccountView{ID: a.ID, Member: a.Member, System: a.System, Side: a.Side, State: a.State, Email: a.Identity.Email,
		Name: a.Identity.Name, Company: a.Identity.Company, Permissions: map[string]bool{}, Created: a.Created}
	for p, may := range a.Identity.Permissions {
		v.Permissions[string(p)] = may
	}
	return v
}

// ConsentView is where a person goes to authorise an account.
type ConsentView struct {
	AuthorizeURL string    `json:"authorize_url" doc:"Open it in the person's browser. It works once. Empty if no consent is needed."`
	Expires      time.Time `json:"expires"`
	Account      string    `json:"account" doc:"Id of the account that the connection has got without a consent, because the member has authorised it before (ZO8); else empty"`
}

// GroupView is a group, label, list or view that can be chosen as scope.
type GroupView struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Everything bool   `json:"everything" doc:"It holds all that the account can see"`
	Writable   bool   `json:"writable" doc:"New records can be put into it"`
	Members    int    `json:"members" doc:"How many records it has; -1 if the system does not tell"`
}

func groupView(g connector.Group) GroupView {
	return GroupView{g.ID, g.Name, g.Everything, g.Writable, g.Members}
}

// FieldView is a field of an account's catalogue.
type FieldView struct {
	Key      string     `json:"key" doc:"For the mapping" example:"name.family"`
	Name     string     `json:"name" doc:"As the system's users know it"`
	Type     string     `json:"type" doc:"Fields of compatible types can be mapped to each other" example:"text"`
	Max      int        `json:"max" doc:"How many values it holds; 0 means any number"`
	Labels   bool       `json:"labels" doc:"Values keep labels that people make up"`
	Slots    []SlotView `json:"slots" nullable:"false" doc:"Fixed places of the field, such as Mobile"`
	Parts    []string   `json:"parts" nullable:"false" doc:"The components that it holds; empty means all of its type"`
	Length   int        `json:"length" doc:"Characters at most; 0 means no stated limit"`
	Choices  []string   `json:"choices" nullable:"false"`
	ReadOnly bool       `json:"read_only"`
	Required bool       `json:"required"`
	Custom   bool       `json:"custom"`
}

// SlotView is one fixed place of a field.
type SlotView struct {
	Label   string   `json:"label"`
	Accepts []string `json:"accepts" nullable:"false" doc:"Other labels whose values may go there; \"*\" means any"`
}

func fieldView(f record.Field) FieldView {
	v := FieldView{Key: string(f.Key), Name: f.Name, Type: string(f.Type), Max: f.Max, Labels: f.Labelled, Slots: []SlotView{},
		Parts: []string{}, Length: f.Length, Choices: append([]string{}, f.Choices...), ReadOnly: f.ReadOnly, Required: f.Required, Custom: f.Custom}
	for _, s := range f.Slots {
		v.Slots = append(v.Slots, SlotView{s.Label, append([]string{}, s.Accepts...)})
	}
	for _, p := range f.Parts {
		v.Parts = append(v.Parts, string(p))
	}
	return v
}

// OptionView is a choice of a system's own.
type OptionView struct {
	Key     string       `json:"key" doc:"For the settings' options" example:"visibility"`
	Name    string       `json:"name"`
	Choices []ChoiceView `json:"choices" nullable:"false"`
	Default string       `json:"default" doc:"What holds while nothing is chosen; empty for the system's own default"`
}

// ChoiceView is one value of an option.
type ChoiceView struct {
	Value string `json:"value"`
	Name  string `json:"name"`
}

func optionView(o connector.Option) OptionView {
	v := OptionView{Key: o.Key, Name: o.Name, Choices: []ChoiceView{}, Default: o.Default}
	for _, c := range o.Choices {
		v.Choices = append(v.Choices, ChoiceView(c))
	}
	return v
}

// InAccount is the part of a request that says which account it is about.
type InAccount struct {
	InTenant
	Account string `path:"account" minLength:"1" maxLength:"128"`
}

type startConsent struct {
	InTenant
	Once
	Body struct {
		System     string `json:"system,omitempty" maxLength:"64" doc:"Id of the system; not needed with reconnect" example:"google"`
		LoginHint  string `json:"login_hint,omitempty" maxLength:"254" doc:"E-mail address of the account, to preselect it at the system"`
		Reconnect  string `json:"reconnect,omitempty" maxLength:"128" doc:"Id of the account whose authorisation is to be renewed"`
		Connection string `json:"connection,omitempty" maxLength:"128" doc:"Id of a connection that is to use the account"`
		Return     string `json:"return,omitempty" maxLength:"1024" doc:"Path of this installation to come back to, beginning with a single /"`
	}
}

func (s *Server) accountOps() {
	const all, one = "/tenants/{tenant}/accounts", "/tenants/{tenant}/accounts/{account}"
	inTenant(s, op{id: "start-consent", method: http.MethodPost, path: all, tag: "Accounts", summary: "Begin to connect an account, or to renew one", status: http.StatusCreated,
		about: "Answers the address at which the person gives consent. The account is there once the system has sent the browser back and the person has confirmed. " +
			"For a connection, an account that the member has authorised before and that has the member's own e-mail address is taken at once, unless login_hint names another (ZO8)."},
		s.startConsent)
	inTenant(s, op{id: "list-accounts", method: http.MethodGet, path: all, tag: "Accounts", summary: "List accounts", about: "The caller's own; an administrator sees everybody's."},
		func(ctx context.Context, c caller, in *struct {
			InTenant
			Paging
			Member string `query:"member" maxLength:"128" doc:"Only this member's; for administrators"`
		}) (*Answer[List[AccountView]], error) {
			p, err := s.Tenancy.Accounts(ctx, c.Member, in.Member, in.request())
			return listOf(p.Items, p.Next, accountView), err
		})
	inTenant(s, op{id: "get-account", method: http.MethodGet, path: one, tag: "Accounts", summary: "Read an account"},
		func(ctx context.Context, c caller, in *InAccount) (*Answer[AccountView], error) {
			a, err := s.Tenancy.Account(ctx, c.Member, in.Account)
			return ok(accountView(a)), err
		})
	inTenant(s, op{id: "remove-account", method: http.MethodDelete, path: one, tag: "Accounts", summary: "Remove an account",
		about: "Gives the authorisation back to the system and frees the account for others. Connections that use it must be stopped or deleted first."},
		func(ctx context.Context, c caller, in *struct {
			InAccount
			Once
		}) (*Nothing, error) {
			return &Nothing{}, s.Tenancy.RemoveAccount(ctx, c.Member, in.Account)
		})
	inTenant(s, op{id: "list-groups", method: http.MethodGet, path: one + "/groups", tag: "Accounts", summary: "List an account's groups, lists or views", about: "As the system has them now (ZG1)."},
		func(ctx context.Context, c caller, in *struct {
			InAccount
			Paging
		}) (*Answer[List[GroupView]], error) {
			a, err := s.Tenancy.Account(ctx, c.Member, in.Account)
			if err != nil {
				return nil, err
			}
			groups, err := s.groups(ctx, a)
			if err != nil {
				return nil, err
			}
			page, next, err := slicePage(ctx, groups, in.Paging)
			return listOf(page, next, groupView), err
		})
	inTenant(s, op{id: "list-fields", method: http.MethodGet, path: one + "/fields", tag: "Accounts", summary: "List an account's fields", about: "Custom fields included (ZG5)."},
		func(ctx context.Context, c caller, in *struct {
			InAccount
			Paging
		}) (*Answer[List[FieldView]], error) {
			a, err := s.Tenancy.Account(ctx, c.Member, in.Account)
			if err != nil {
				return nil, err
			}
			d, err := s.Describe(ctx, a.Tenant, a.ID)
			if err != nil {
				return nil, err
			}
			page, next, err := slicePage(ctx, d.Fields, in.Paging)
			return listOf(page, next, fieldView), err
		})
	inTenant(s, op{id: "list-options", method: http.MethodGet, path: one + "/options", tag: "Accounts", summary: "List an account's options",
		about: "Choices of the system's own that a connection can make, such as who may see the people that it adds (PD10)."},
		func(ctx context.Context, c caller, in *struct {
			InAccount
			Paging
		}) (*Answer[List[OptionView]], error) {
			a, err := s.Tenancy.Account(ctx, c.Member, in.Account)
			if err != nil {
				return nil, err
			}
			d, err := s.Describe(ctx, a.Tenant, a.ID)
			if err != nil {
				return nil, err
			}
			page, next, err := slicePage(ctx, d.Options, in.Paging)
			return listOf(page, next, optionView), err
		})
}

func (s *Server) startConsent(ctx context.Context, c caller, in *startConsent) (*Answer[ConsentView], error) {
	r := oauth.StartRequest{Tenant: c.Tenant, Member: c.ID, System: in.Body.System, LoginHint: in.Body.LoginHint,
		Connection: in.Body.Connection, Account: in.Body.Reconnect, Return: in.Body.Return}
	if r.Account != "" {
		a, err := s.Tenancy.Account(ctx, c.Member, r.Account)
		if err != nil {
			return nil, err
		}
		switch {
		case a.Member != c.ID:
			return nil, forbidden.say(ctx)
		case r.System != "" && r.System != a.System:
			return nil, field(ctx, "body.system", text{"the account to reconnect is of another system: leave it out", "再接続するアカウントは別の接続先のものです。指定を外してください"})
		case r.LoginHint == "":
			r.LoginHint = a.Identity.Email
		}
		r.System = a.System
	}
	sys, known := system.Find(s.Systems, r.System)
	if !known {
		return nil, field(ctx, "body.system", text{"Meibo does not know this system: choose an id of GET /v1/systems", "この接続先はありません。GET /v1/systems のIDから選んでください"})
	}
	if r.Connection != "" {
		if _, err := s.Tenancy.Connection(ctx, c.Member, r.Connection); err != nil {
			return nil, err
		}
		if own, err := s.reuse(ctx, c, r); own != "" || err != nil {
			return created(ConsentView{Account: own, Expires: s.Clock.Now()}), err
		}
	}
	r.Side = sys.Side
	to, err := s.Consent(ctx, r)
	if err != nil {
		return nil, err
	}
	return created(ConsentView{AuthorizeURL: to, Expires: s.Clock.Now().Add(oauth.StateLife)}), nil
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

// groups returns the groups of an account, or none for a system that has none.
func (s *Server) groups(ctx context.Context, a tenancy.Account) ([]connector.Group, error) {
	if a.State != tenancy.AccountActive {
		return nil, &connector.AuthLostError{System: s.systemName(a.System), Cure: "connect the account again"}
	}
	o, err := s.Opener.Open(ctx, a.Tenant, a.ID)
	if err != nil {
		return nil, err
	}
	if o.Close != nil {
		defer o.Close()
	}
	g, has := o.Connector.(connector.Grouper)
	if !has {
		return nil, nil
	}
	return g.Groups(ctx)
}

func (s *Server) systemName(id string) string {
	if sys, ok := system.Find(s.Systems, id); ok {
		return sys.Name
	}
	return id
}
