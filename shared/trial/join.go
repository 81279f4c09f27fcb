package trial

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"meibo/shared/directory"
	"meibo/shared/local"
)

// administrator is who administers the directory of the member's address book.
const administrator = "it@example.com"

type id struct {
	ID string `json:"id"`
}

// connect signs up a company, connects both accounts as each vendor has it, and drafts the connection.
func (t *trial) connect(ctx context.Context) error {
	var tenant id
	err := t.api.do(ctx, http.MethodPost, "/tenants", map[string]any{"name": "名簿商事", "settings": map[string]any{"region": "JP", "language": "ja"}}, &tenant)
	if err != nil {
		return err
	}
	t.tenant = tenant.ID
	base := "/tenants/" + t.tenant
	if t.profile.Directory {
		if err := t.admit(ctx, base); err != nil {
			return err
		}
	}
	for _, b := range []standIn{t.crm, t.book} {
		if err := t.account(ctx, base, b); err != nil {
			return err
		}
	}
	accounts, err := t.accounts(ctx, base)
	if err != nil {
		return err
	}
	t.o.Report.Say("signed in, and connected both accounts")
	var conn id
	if err := t.api.do(ctx, http.MethodPost, base+"/connections", map[string]any{"crm": accounts[t.crm.id], "book": accounts[t.book.id]}, &conn); err != nil {
		return err
	}
	t.conn, t.path, t.seen = conn.ID, base+"/connections/"+conn.ID, map[string]bool{}
	return nil
}

// account connects one account: by its key, or by the real code flow.
func (t *trial) account(ctx context.Context, base string, b standIn) error {
	w := waysOf(b.id)
	if w.key != nil {
		key, err := w.key(ctx, b)
		if err != nil {
			return err
		}
		return t.api.do(ctx, http.MethodPost, base+"/accounts/keys", map[string]any{"system": b.id, "key": key}, nil)
	}
	ask := map[string]any{"system": b.id, "login_hint": b.user}
	if w.site != "" {
		ask["site"] = w.site
	}
	var consent struct {
		URL string `json:"authorize_url"`
	}
	if err := t.api.do(ctx, http.MethodPost, base+"/accounts", ask, &consent); err != nil {
		return err
	}
	at, err := local.NewBrowser(nil).Allow(ctx, consent.URL, b.user)
	if err != nil {
		return err
	}
	if at.Status >= 400 {
		return fmt.Errorf("trial: connecting %s ended with %d: %s", b.name, at.Status, at.Page)
	}
	return nil
}

// accounts returns the ids of the member's accounts, by system.
func (t *trial) accounts(ctx context.Context, base string) (map[string]string, error) {
	var list struct {
		Items []struct {
			ID     string `json:"id"`
			System string `json:"system"`
		} `json:"items"`
	}
	if err := t.api.do(ctx, http.MethodGet, base+"/accounts", nil, &list); err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, a := range list.Items {
		out[a.System] = a.ID
	}
	return out, nil
}

// admit has an administrator set up the directory of the address book for the whole company (SM1): Meibo's administrator enters its
// id, and the directory's consents that Meibo writes contacts.
func (t *trial) admit(ctx context.Context, base string) error {
	err := t.book.do(ctx, http.MethodPost, "/sandbox/users", map[string]any{"email": administrator, "name": "情報システム部", "admin": "global_administrator"}, nil)
	if err != nil {
		return err
	}
	own, err := t.book.directory(ctx)
	if err != nil {
		return err
	}
	at := base + "/directories/" + t.book.id
	if err := t.api.do(ctx, http.MethodPut, at, map[string]any{"directory_id": own}, nil); err != nil {
		return err
	}
	var consent struct {
		URL string `json:"authorize_url"`
	}
	if err := t.api.do(ctx, http.MethodPost, at+"/consents", map[string]any{"capability": directory.Contacts}, &consent); err != nil {
		return err
	}
	end, err := local.NewBrowser(nil).Consent(ctx, consent.URL, administrator)
	if err != nil {
		return err
	}
	if end.Status >= 400 {
		return fmt.Errorf("trial: the administrator's consent at %s ended with %d: %s", t.book.name, end.Status, end.Page)
	}
	t.o.Report.Say("an administrator connected the directory of %s for the whole company", t.book.name)
	return nil
}

// directory returns the id of the directory of the stand-in's user.
func (b standIn) directory(ctx context.Context) (string, error) {
	var out struct {
		Directories []struct {
			ID     string `json:"id"`
			Domain string `json:"domain"`
		} `json:"directories"`
	}
	if err := b.do(ctx, http.MethodGet, "/sandbox/directories", nil, &out); err != nil {
		return "", err
	}
	_, domain, _ := strings.Cut(b.user, "@")
	for _, d := range out.Directories {
		if d.Domain == domain {
			return d.ID, nil
		}
	}
	return "", fmt.Errorf("trial: %s has no directory of %s", b.name, domain)
}
