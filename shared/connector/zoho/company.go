package zoho

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// companies remembers the ids of Accounts by name.
type companies map[string]string

// maxCompanies bounds the memory of companies; beyond it names are looked up again.
const maxCompanies = 10_000

// companyName is the company that a write asks for; "" for none.
func companyName(w connector.Write) string {
	return strings.TrimSpace(w.Fields.First(record.OrgName))
}

// keptCompany is the Account that the record is linked to already.
func keptCompany(w connector.Write) lookup {
	if w.Current != nil {
		if k, ok := w.Current.Raw.(raw); ok {
			return k.company
		}
	}
	return lookup{}
}

// companyNames are the distinct companies that writes need, in order.
func companyNames(writes []connector.Write) []string {
	var names []string
	for _, w := range writes {
		if n := companyName(w); w.Op != connector.Delete && n != "" && n != keptCompany(w).Name && !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}

// resolve returns the Account of each name: a contact holds its company as a link to an Account, never as text. Accounts that
// exist are found with COQL, which search would not do for those just made; the others are made by upsert on the name, so that
// repeating it makes none twice. refused has the names that cannot be had, each with its reason; err is for what concerns all.
func (c *Connector) resolve(ctx context.Context, names []string) (ids map[string]string, refused map[string]error, err error) {
	if len(c.companies) > maxCompanies {
		c.companies = nil
	}
	if c.companies == nil {
		c.companies = companies{}
	}
	refused = map[string]error{}
	missing := func() []string {
		return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return c.companies[n] != "" || refused[n] != nil })
	}
	for some := range slices.Chunk(slices.DeleteFunc(missing(), unquotable), maxWrite) {
		c.sought += len(some)
		if err := c.findCompanies(ctx, some); err != nil {
			if err = refuseAll(refused, some, err); err != nil {
				return nil, nil, err
			}
		}
	}
	for some := range slices.Chunk(missing(), maxWrite) {
		c.made += len(some)
		if err := c.makeCompanies(ctx, some, refused); err != nil {
			if err = refuseAll(refused, some, err); err != nil {
				return nil, nil, err
			}
		}
	}
	ids = map[string]string{}
	for _, n := range names {
		ids[n] = c.companies[n]
	}
	return ids, refused, nil
}

// unquotable says that a name cannot be put into a COQL text without relying on escapes that Zoho does not document; the
// upsert finds it too.
func unquotable(name string) bool { return strings.ContainsAny(name, "'\"\\\r\n\t") }

// refuseAll files what a lack of permission means for names, and passes every other error on. A write of a company that may or
// may not have happened is no doubt about the contacts, which have not been sent.
func refuseAll(refused map[string]error, names []string, err error) error {
	var no *connector.ForbiddenError
	switch {
	case errors.As(err, &no):
		for _, n := range names {
			refused[n] = &connector.InvalidError{System: System, Field: string(record.OrgName),
				Reason: "this user may not look up or make companies (Accounts); ask a Zoho CRM administrator to allow it, or leave the company out of the mapping"}
		}
		return nil
	case errors.Is(err, connector.ErrOutcomeUnknown):
		return unsure(false, "it did not answer about companies")
	}
	return err
}

// findCompanies looks names up among the Accounts. Of several with one name, the oldest is taken; one that differs only in
// case is taken where no equal one exists, since making another would be a double.
func (c *Connector) findCompanies(ctx context.Context, names []string) error {
	var in []string // one call takes several lists of at most maxIn names
	for some := range slices.Chunk(names, maxIn) {
		in = append(in, "Account_Name in ('"+strings.Join(some, "', '")+"')")
	}
	query := "select id, Account_Name from Accounts where " + strings.Join(in, " or ") + " order by id asc limit 0, 2000"
	a, err := c.call(ctx, request{method: http.MethodPost, path: "/coql", body: map[string]any{"select_query": query}})
	if err != nil {
		return err
	}
	switch a.status {
	case http.StatusNoContent:
		return nil
	case http.StatusBadRequest:
		err := statusError(a.status, a.body, false)
		var bad *connector.InvalidError
		if errors.As(err, &bad) {
			return nil // a name that the query language does not take: the upsert will
		}
		return err
	}
	var body struct {
		Data []struct {
			ID   string `json:"id"`
			Name string `json:"Account_Name"`
		} `json:"data"`
	}
	if a.status != http.StatusOK || json.Unmarshal(a.body, &body) != nil {
		return unsure(false, "it sent an answer about companies that is not what its documents describe")
	}
	for _, same := range []func(a, b string) bool{func(a, b string) bool { return a == b }, strings.EqualFold} {
		for _, n := range names {
			for _, d := range body.Data {
				if c.companies[n] == "" && d.ID != "" && same(d.Name, n) {
					c.companies[n] = d.ID
				}
			}
		}
	}
	return nil
}

// makeCompanies makes Accounts, or finds those that have the name after all.
func (c *Connector) makeCompanies(ctx context.Context, names []string, refused map[string]error) error {
	data := make([]map[string]any, len(names))
	for i, n := range names {
		data[i] = map[string]any{apiAccount: n}
	}
	body := map[string]any{"data": data, "duplicate_check_fields": []string{apiAccount}}
	if !c.trigger {
		body["trigger"] = []string{}
	}
	a, err := c.call(ctx, request{method: http.MethodPost, path: "/Accounts/upsert", body: body, write: true})
	if err != nil {
		return err
	}
	var got struct {
		Data []vendorError `json:"data"`
	}
	bad := json.Unmarshal(a.body, &got) != nil
	switch {
	case !bad && len(got.Data) == len(names):
	case bad || a.status != http.StatusBadRequest:
		return unsure(true, "it did not say what became of each company")
	case len(names) > 1:
		// One name spoils the call: make the halves.
		if err := c.makeCompanies(ctx, names[:len(names)/2], refused); err != nil {
			return err
		}
		return c.makeCompanies(ctx, names[len(names)/2:], refused)
	default:
		return statusError(a.status, a.body, false)
	}
	for i, n := range names {
		e := got.Data[i]
		id := e.Details.ID
		if e.Code == "DUPLICATE_DATA" && id == "" {
			id = e.Details.Duplicate.ID
		}
		if (e.Code == "SUCCESS" || e.Code == "DUPLICATE_DATA") && id != "" {
			c.companies[n] = id
			continue
		}
		err := recordError(e, "", nil)
		var no *connector.ForbiddenError
		var bad *connector.InvalidError
		switch {
		case errors.As(err, &no):
			if err := refuseAll(refused, []string{n}, err); err != nil {
				return err
			}
		case errors.As(err, &bad):
			bad.Field = string(record.OrgName)
			refused[n] = bad
		default:
			return err
		}
	}
	return nil
}
