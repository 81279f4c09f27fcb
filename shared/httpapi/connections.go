package httpapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"meibo/shared/profile"
	"meibo/shared/state"
	"meibo/shared/tenancy"
)

// ConnectionView is a pairing of a CRM account with an address book account.
type ConnectionView struct {
	ID       string        `json:"id"`
	Member   string        `json:"member"`
	CRM      string        `json:"crm" doc:"Account id; empty while none is chosen"`
	Book     string        `json:"book" doc:"Account id; empty while none is chosen"`
	State    tenancy.State `json:"state" enum:"draft,authorizing,ready,active,paused,needs_reauth,needs_approval,stopped,deleted"`
	Reason   string        `json:"reason" doc:"Why the state is what it is, in words; empty when there is nothing to say"`
	Settings SettingsView  `json:"settings"`
	Folder   string        `json:"folder" doc:"Id of the folder that Meibo made in the address book and keeps the connection's contacts in; empty if it has none (ZO4)"`
	Created  time.Time     `json:"created"`
	Updated  time.Time     `json:"updated"`
}

func connectionView(c tenancy.Connection) ConnectionView {
	return ConnectionView{c.ID, c.Member, c.CRM, c.Book, c.State, c.Reason, settingsView(c.Settings), c.Folder, c.Created, c.Updated}
}

// ValidView says whether a connection could be started as it is.
type ValidView struct {
	Valid  bool         `json:"valid"`
	Errors []FieldError `json:"errors" nullable:"false"`
}

// InConnection is the part of a request that says which connection it is about.
type InConnection struct {
	InTenant
	Connection string `path:"connection" minLength:"1" maxLength:"128"`
}

// ActConnection asks for something to be done with a connection.
type ActConnection struct {
	InConnection
	Once
}

type newConnection struct {
	InTenant
	Once
	Body struct {
		CRM      string         `json:"crm,omitempty" maxLength:"128" doc:"Id of the CRM account; can be chosen later"`
		Book     string         `json:"book,omitempty" maxLength:"128" doc:"Id of the address book account; can be chosen later"`
		Settings *SettingsPatch `json:"settings,omitempty" doc:"What differs from the profile's defaults"`
	}
}

type changeConnection struct {
	InConnection
	Once
	Body struct {
		CRM      *string        `json:"crm,omitempty" minLength:"1" maxLength:"128" doc:"Id of the CRM account; before the first start only"`
		Book     *string        `json:"book,omitempty" minLength:"1" maxLength:"128" doc:"Id of the address book account; before the first start only"`
		Settings *SettingsPatch `json:"settings,omitempty"`
	}
}

func (s *Server) connectionOps() {
	const all, one = "/tenants/{tenant}/connections", "/tenants/{tenant}/connections/{connection}"
	const tag = "Connections"
	inTenant(s, op{id: "get-mapping", method: http.MethodGet, path: "/tenants/{tenant}/mapping", tag: tag, summary: "Default settings and mapping of a pair of accounts"}, s.defaults)
	inTenant(s, op{id: "create-connection", method: http.MethodPost, path: all, tag: tag, summary: "Create a draft", status: http.StatusCreated,
		about: "Nothing is synced until it is started (PD15). What the body does not name comes from the profile of the two systems and from the company's settings."}, s.createConnection)
	inTenant(s, op{id: "list-connections", method: http.MethodGet, path: all, tag: tag, summary: "List connections", about: "The caller's own; an administrator sees everybody's."},
		func(ctx context.Context, c caller, in *struct {
			InTenant
			Paging
			Member string `query:"member" maxLength:"128" doc:"Only this member's; for administrators"`
		}) (*Answer[List[ConnectionView]], error) {
			p, err := s.Tenancy.Connections(ctx, c.Member, in.Member, in.request())
			return listOf(p.Items, p.Next, connectionView), err
		})
	inTenant(s, op{id: "get-connection", method: http.MethodGet, path: one, tag: tag, summary: "Read a connection"},
		func(ctx context.Context, c caller, in *InConnection) (*Answer[ConnectionView], error) {
			n, err := s.Tenancy.Connection(ctx, c.Member, in.Connection)
			return ok(connectionView(n)), err
		})
	inTenant(s, op{id: "change-connection", method: http.MethodPatch, path: one, tag: tag, summary: "Change accounts or settings",
		about: "Field by field: what the body does not name stays; lists are replaced whole. On a connection that was started, the change holds from the next run (PD7)."}, s.changeConnection)
	inTenant(s, op{id: "validate-connection", method: http.MethodPost, path: one + "/validate", tag: tag, summary: "Check whether a connection could be started", about: "Changes nothing. Asks both systems."}, s.validate)
	inTenant(s, op{id: "start-connection", method: http.MethodPost, path: one + "/start", tag: tag, summary: "Start the sync", about: "Confirms the draft. The first run begins at once."}, s.start)
	inTenant(s, op{id: "pause-connection", method: http.MethodPost, path: one + "/pause", tag: tag, summary: "Pause the sync"}, s.act(s.Tenancy.Pause))
	inTenant(s, op{id: "resume-connection", method: http.MethodPost, path: one + "/resume", tag: tag, summary: "Resume a paused sync"}, s.resume)
	inTenant(s, op{id: "stop-connection", method: http.MethodPost, path: one + "/stop", tag: tag, summary: "Stop the sync for good",
		about: "Keeps all data on both sides (PD8), or first removes from the address book what Meibo put there (ZO5, BX16). What is kept is recognised if the same accounts are connected again."}, s.stop)
	inTenant(s, op{id: "disable-check", method: http.MethodGet, path: one + "/disable-check", tag: tag, summary: "List what a stop would take although the CRM does not have it",
		about: "Records in the connection's own folder without an equal in the CRM, as the address book has them now (ZO5). Asks the address book. A connection without a folder has none."}, s.disableCheck)
	inTenant(s, op{id: "delete-connection", method: http.MethodDelete, path: one, tag: tag, summary: "Delete a stopped connection or a draft",
		about: "Meibo forgets what it knows of it; the contacts stay on both sides. For a very large connection it can answer 503; sent again, it goes on where it was."},
		func(ctx context.Context, c caller, in *ActConnection) (*Nothing, error) {
			return &Nothing{}, s.deleteConnection(ctx, c, in.Connection)
		})
}

// purgeTime bounds one request's purge, well below the gateway's limit of 30 seconds.
const purgeTime = 20 * time.Second

// deleteConnection forgets first and deletes then, so that a purge that was cut off can be repeated.
func (s *Server) deleteConnection(ctx context.Context, c caller, id string) error {
	n, err := s.Tenancy.Connection(ctx, c.Member, id)
	if err != nil {
		return err
	}
	if err := tenancy.CanMove(n.State, tenancy.Deleted); err != nil {
		return err
	}
	purge, cancel := context.WithTimeout(ctx, purgeTime)
	defer cancel()
	err = s.State.Purge(purge, c.Tenant, id)
	if purge.Err() != nil && ctx.Err() == nil {
		p := busy.say(ctx)
		p.Detail = text{"There is much to forget, and it is not done yet.", "削除する情報が多く、まだ完了していません。"}.in(langOf(ctx))
		p.retryAfter = 1
		return p
	}
	if err != nil {
		return err
	}
	return s.Tenancy.Delete(ctx, c.Member, id)
}

func (s *Server) defaults(ctx context.Context, c caller, in *struct {
	InTenant
	CRM        string `query:"crm" required:"true" minLength:"1" maxLength:"128" doc:"Id of the CRM account"`
	Book       string `query:"book" required:"true" minLength:"1" maxLength:"128" doc:"Id of the address book account"`
	CRMObject  string `query:"crm_object" maxLength:"128" doc:"Which of the CRM's objects is meant, where the account's options have a choice of it; empty for the default"`
	BookObject string `query:"book_object" maxLength:"128" doc:"Which of the address book's objects is meant, such as contacts or leads (HD2); empty for the default"`
}) (*Answer[PairView], error) {
	p, err := s.pair(ctx, c, in.CRM, in.Book, [2]string{"query.crm", "query.book"})
	if err != nil {
		return nil, err
	}
	t, err := s.Tenancy.Tenant(ctx, c.Tenant)
	if err != nil {
		return nil, err
	}
	set := tenancy.DefaultSettings(t, p.profile)
	if set.CRMOptions, _, err = s.chosen(ctx, *p.crm, "query.crm_object", in.CRMObject); err != nil {
		return nil, err
	}
	if set.BookOptions, _, err = s.chosen(ctx, *p.book, "query.book_object", in.BookObject); err != nil {
		return nil, err
	}
	b, err := s.describe(ctx, p, set)
	if err != nil {
		return nil, err
	}
	set.Rules.Mapping = profile.DefaultMapping(b.crmFields(), b.book.Fields, p.profile.Leave)
	return ok(PairView{Profile: p.profile.Name, Settings: settingsView(set), Choices: choicesView(p.profile, b)}), nil
}

func (s *Server) createConnection(ctx context.Context, c caller, in *newConnection) (*Answer[ConnectionView], error) {
	p, err := s.pair(ctx, c, in.Body.CRM, in.Body.Book, [2]string{"body.crm", "body.book"})
	if err != nil {
		return nil, err
	}
	t, err := s.Tenancy.Tenant(ctx, c.Tenant)
	if err != nil {
		return nil, err
	}
	set := tenancy.DefaultSettings(t, p.profile)
	in.Body.Settings.apply(&set)
	bad, err := s.checkSettings(ctx, "body.", p, set, in.Body.Settings.looks(false))
	if err != nil {
		return nil, err
	}
	if err := invalidFields(ctx, bad); err != nil {
		return nil, err
	}
	n, err := s.Tenancy.CreateConnection(ctx, c.Member, tenancy.NewConnection{CRM: in.Body.CRM, Book: in.Body.Book, Settings: &set})
	return created(connectionView(n)), err
}

func (s *Server) changeConnection(ctx context.Context, c caller, in *changeConnection) (*Answer[ConnectionView], error) {
	n, err := s.Tenancy.Connection(ctx, c.Member, in.Connection)
	if err != nil {
		return nil, err
	}
	crm, book := n.CRM, n.Book
	set(&crm, in.Body.CRM)
	set(&book, in.Body.Book)
	// Everything is checked before anything is changed.
	p, err := s.pair(ctx, c, crm, book, [2]string{"body.crm", "body.book"})
	if err != nil {
		return nil, err
	}
	settings := n.Settings
	if crm != n.CRM || book != n.Book { // as choosing the accounts will have it
		if settings, err = s.rebased(ctx, c, n, p); err != nil {
			return nil, err
		}
	}
	in.Body.Settings.apply(&settings)
	if !n.State.Ended() {
		bad, err := s.checkSettings(ctx, "body.", p, settings, in.Body.Settings.looks(crm != n.CRM || book != n.Book))
		if err != nil {
			return nil, err
		}
		if err := invalidFields(ctx, bad); err != nil {
			return nil, err
		}
	}
	for _, to := range []struct{ now, want string }{{n.CRM, crm}, {n.Book, book}} {
		if to.now == to.want {
			continue
		}
		if n, err = s.Tenancy.Attach(ctx, c.Member, in.Connection, to.want); err != nil {
			return nil, err
		}
	}
	if in.Body.Settings != nil {
		n, err = s.Tenancy.ChangeConnection(ctx, c.Member, in.Connection, tenancy.ConnectionChange{Settings: &settings, V: n.V})
	}
	return ok(connectionView(n)), err
}

// rebased returns the settings of a draft as they are once its accounts are those of p.
func (s *Server) rebased(ctx context.Context, c caller, n tenancy.Connection, p pair) (tenancy.Settings, error) {
	was, err := s.pair(ctx, c, n.CRM, n.Book, [2]string{"body.crm", "body.book"})
	if err != nil {
		return tenancy.Settings{}, err
	}
	t, err := s.Tenancy.Tenant(ctx, c.Tenant)
	if err != nil {
		return tenancy.Settings{}, err
	}
	return tenancy.Rebase(t, n.Settings, was.profile, p.profile), nil
}

// looks returns what a patch makes necessary to look at.
func (p *SettingsPatch) looks(accounts bool) looks {
	l := looks{crmGroups: accounts, bookGroups: accounts, mapping: accounts, options: accounts}
	if p == nil {
		return l
	}
	l.crmGroups = l.crmGroups || p.CRMGroups != nil
	l.bookGroups = l.bookGroups || p.BookGroups != nil || p.Rules != nil && p.Rules.Direction != nil
	l.options = l.options || p.CRMOptions != nil || p.BookOptions != nil
	l.mapping = l.mapping || p.Rules != nil && (p.Rules.Mapping != nil || p.Rules.Direction != nil)
	return l
}

func (s *Server) validate(ctx context.Context, c caller, in *ActConnection) (*Answer[ValidView], error) {
	n, err := s.Tenancy.Connection(ctx, c.Member, in.Connection)
	if err != nil {
		return nil, err
	}
	errs, err := s.whatIsWrong(ctx, c, n)
	if err != nil {
		return nil, err
	}
	return ok(ValidView{Valid: len(errs) == 0, Errors: append([]FieldError{}, errs...)}), nil
}

// whatIsWrong returns all that keeps a connection from being started.
func (s *Server) whatIsWrong(ctx context.Context, c caller, n tenancy.Connection) ([]FieldError, error) {
	p, err := s.pair(ctx, c, n.CRM, n.Book, [2]string{"crm", "book"})
	var problem *Problem
	if errors.As(err, &problem) {
		return problem.Errors, nil
	}
	if err != nil {
		return nil, err
	}
	lang := langOf(ctx)
	var errs []FieldError
	var accounts []tenancy.Account
	for _, a := range []struct {
		at      string
		account *tenancy.Account
	}{{"crm", p.crm}, {"book", p.book}} {
		switch {
		case a.account == nil:
			errs = append(errs, FieldError{a.at, text{"no account is chosen: connect one and choose it", "アカウントが選択されていません。接続して選択してください"}.in(lang)})
		case a.account.State != tenancy.AccountActive:
			errs = append(errs, FieldError{a.at, text{"the account must be connected again", "アカウントの再接続が必要です"}.in(lang)})
		default:
			accounts = append(accounts, *a.account)
		}
	}
	whole := len(accounts) == 2
	m, err := s.Tenancy.Member(ctx, c.Member, n.Member)
	if err != nil {
		return nil, err
	}
	err = s.Tenancy.CheckPermissions(m, accounts, p.profile, n.Settings.Rules)
	var refusal *tenancy.Refusal
	if errors.As(err, &refusal) {
		errs = append(errs, FieldError{"settings.rules.direction", phrase(lang, refusal.Reason) + ": " + phrase(lang, refusal.Cure)})
	} else if err != nil {
		return nil, err
	}
	more, err := s.checkSettings(ctx, "", p, n.Settings, looks{whole, whole, whole, whole, whole})
	return append(errs, more...), err
}

func (s *Server) start(ctx context.Context, c caller, in *ActConnection) (*Answer[ConnectionView], error) {
	n, err := s.Tenancy.Connection(ctx, c.Member, in.Connection)
	if err != nil {
		return nil, err
	}
	reason := state.ReasonStart
	if n.State == tenancy.Paused {
		reason = state.ReasonUpdate
	}
	if n.State == tenancy.Ready || n.State == tenancy.Paused {
		p, err := s.pair(ctx, c, n.CRM, n.Book, [2]string{"crm", "book"})
		if err != nil {
			return nil, err
		}
		if p.crm != nil && p.book != nil && p.crm.State == tenancy.AccountActive && p.book.State == tenancy.AccountActive {
			bad, err := s.checkSettings(ctx, "", p, n.Settings, looks{crmGroups: true, bookGroups: true}) // Start checks the mapping
			if err != nil {
				return nil, err
			}
			if err := invalidFields(ctx, bad); err != nil {
				return nil, err
			}
		}
	}
	was := n.State
	if n, err = s.Tenancy.Start(ctx, c.Member, in.Connection); err != nil {
		return nil, err
	}
	if was != tenancy.Active {
		err = s.Ask(ctx, state.Ask{Tenant: c.Tenant, Connection: n.ID, Reason: reason, Asked: s.Clock.Now()})
	}
	return ok(connectionView(n)), err
}

// resume starts a connection that is paused, and only that.
func (s *Server) resume(ctx context.Context, c caller, in *ActConnection) (*Answer[ConnectionView], error) {
	n, err := s.Tenancy.Connection(ctx, c.Member, in.Connection)
	if err != nil {
		return nil, err
	}
	if n.State != tenancy.Paused && n.State != tenancy.Active {
		return nil, wrongState(ctx, n.State, text{"Only a paused connection can be resumed.", "再開できるのは一時停止中の接続だけです。"})
	}
	return s.start(ctx, c, in)
}

// act returns the operation that makes one move.
func (s *Server) act(move func(context.Context, tenancy.Member, string) (tenancy.Connection, error)) func(context.Context, caller, *ActConnection) (*Answer[ConnectionView], error) {
	return func(ctx context.Context, c caller, in *ActConnection) (*Answer[ConnectionView], error) {
		n, err := move(ctx, c.Member, in.Connection)
		var late *tenancy.ScheduleError
		if errors.As(err, &late) { // the move was made; a schedule that stays behind finds nothing to do
			s.log(ctx).Warn("a tenant's schedule was not removed", "tenant", c.Tenant, "error", err.Error())
			err = nil
		}
		return ok(connectionView(n)), err
	}
}

// wrongState refuses what the connection's state does not allow.
func wrongState(ctx context.Context, is tenancy.State, cure text) *Problem {
	p := refused.say(ctx)
	p.Type = "urn:meibo:problem:" + tenancy.CodeState
	p.Detail = text{"The connection is in the state %q.", "接続の状態は「%s」です。"}.in(langOf(ctx), is)
	p.Cure = cure.in(langOf(ctx))
	return p
}
