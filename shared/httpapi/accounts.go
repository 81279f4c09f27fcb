package httpapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/record"
	"meibo/shared/setup"
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
	Site        string               `json:"site" doc:"The organisation's own address at the system, where each has one; else empty (HD1)"`
	Permissions map[string]bool      `json:"permissions" doc:"What the system lets this account do with contacts, as far as it tells: view, create, edit, delete, sync"`
	Created     time.Time            `json:"created"`
}

func accountView(a tenancy.Account) AccountView {
	v := AccountView{ID: a.ID, Member: a.Member, System: a.System, Side: a.Side, State: a.State, Email: a.Identity.Email,
		Name: a.Identity.Name, Company: a.Identity.Company, Site: a.Identity.Site, Permissions: map[string]bool{}, Created: a.Created}
	for p, may := range a.Identity.Permissions {
		v.Permissions[string(p)] = may
	}
	return v
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
	Fixed   bool         `json:"fixed" doc:"It cannot be changed once the connection was started, such as which of the system's objects is meant (HD2)"`
}

// ChoiceView is one value of an option.
type ChoiceView struct {
	Value string `json:"value"`
	Name  string `json:"name"`
}

func optionView(o connector.Option) OptionView {
	v := OptionView{Key: o.Key, Name: o.Name, Choices: []ChoiceView{}, Default: o.Default, Fixed: o.Fixed}
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

// InObject is the part of a request that says which of the account's objects it is about.
type InObject struct {
	InAccount
	Paging
	Object string `query:"object" maxLength:"128" doc:"Which of the system's objects is meant, where the account's options have a choice of it, such as contacts or leads (HD2); empty for the default"`
}

func (s *Server) accountOps() {
	const all, one = "/tenants/{tenant}/accounts", "/tenants/{tenant}/accounts/{account}"
	inTenant(s, op{id: "start-consent", method: http.MethodPost, path: all, tag: "Accounts", summary: "Begin to connect an account, or to renew one", status: http.StatusCreated,
		about: "Answers the address at which the person gives consent. The account is there once the system has sent the browser back and the person has confirmed. " +
			"For a connection, an account that the member has authorised before and that has the member's own e-mail address is taken at once, unless login_hint names another (ZO8)."},
		s.startConsent)
	inTenant(s, op{id: "enter-key", method: http.MethodPost, path: all + "/keys", tag: "Accounts", summary: "Connect an account by its API key, or replace the key", status: http.StatusCreated, also: http.StatusOK,
		about: "For a system that is connected by key. The system is asked whose key it is. Answers the account: 201 for a new one, 200 for one that the member had already. " +
			"A connection that is named gets the account, and those that waited for the key go on."},
		s.enterKey)
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
		func(ctx context.Context, c caller, in *InObject) (*Answer[List[GroupView]], error) {
			a, err := s.Tenancy.Account(ctx, c.Member, in.Account)
			if err != nil {
				return nil, err
			}
			var options map[string]string
			if in.Object != "" { // groups are the object's; without a choice the catalogue need not be read
				if options, _, err = s.chosen(ctx, a, "query.object", in.Object); err != nil {
					return nil, err
				}
			}
			groups, err := s.groups(ctx, a, options)
			if err != nil {
				return nil, err
			}
			page, next, err := slicePage(ctx, groups, in.Paging)
			return listOf(page, next, groupView), err
		})
	inTenant(s, op{id: "list-fields", method: http.MethodGet, path: one + "/fields", tag: "Accounts", summary: "List an account's fields", about: "Custom fields included (ZG5)."},
		func(ctx context.Context, c caller, in *InObject) (*Answer[List[FieldView]], error) {
			d, err := s.object(ctx, c, in.Account, in.Object)
			if err != nil {
				return nil, err
			}
			page, next, err := slicePage(ctx, d.Fields, in.Paging)
			return listOf(page, next, fieldView), err
		})
	inTenant(s, op{id: "list-options", method: http.MethodGet, path: one + "/options", tag: "Accounts", summary: "List an account's options",
		about: "Choices of the system's own that a connection can make: who may see the people that it adds (PD10), which object it is about, contacts or leads (HD2), " +
			"or the lifecycle stage that it sets on records which it creates or updates and which are at an earlier one (HD6)."},
		func(ctx context.Context, c caller, in *InObject) (*Answer[List[OptionView]], error) {
			d, err := s.object(ctx, c, in.Account, in.Object)
			if err != nil {
				return nil, err
			}
			page, next, err := slicePage(ctx, d.Options, in.Paging)
			return listOf(page, next, optionView), err
		})
}

// ownObject is the key of the option that says which of a system's objects a connection is about.
const ownObject = "object"

// object returns what an account can do with one of its objects.
func (s *Server) object(ctx context.Context, c caller, account, object string) (connector.Description, error) {
	a, err := s.Tenancy.Account(ctx, c.Member, account)
	if err != nil {
		return connector.Description{}, err
	}
	_, d, err := s.chosen(ctx, a, "query.object", object)
	return d, err
}

// chosen returns the options for one of an account's objects, and what the account can do under them. At names the parameter.
func (s *Server) chosen(ctx context.Context, a tenancy.Account, at, object string) (map[string]string, connector.Description, error) {
	d, err := s.Describe(ctx, a.Tenant, a.ID, nil)
	if err != nil || object == "" {
		return nil, d, err
	}
	options := map[string]string{ownObject: object}
	var bad *tenancy.FieldError
	if errors.As(tenancy.CheckOptions(at, options, d.Options), &bad) {
		return nil, d, field(ctx, at, text{"the account has no such object: choose one of its options", "アカウントにこの対象はありません。オプションの選択肢から選んでください"})
	}
	d, err = s.Describe(ctx, a.Tenant, a.ID, options)
	return options, d, err
}

// groups returns the groups of an account under a connection's options, or none for a system that has none.
func (s *Server) groups(ctx context.Context, a tenancy.Account, options map[string]string) ([]connector.Group, error) {
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
	view, err := setup.Chosen(o.Connector, options)
	if err != nil {
		return nil, tenancy.BadChoice("settings.options", err)
	}
	g, has := view.(connector.Grouper)
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
