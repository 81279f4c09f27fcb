package dynamics

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// accountNameLength is how long the name of an account may be.
const accountNameLength = 160

const privilegeAddAccounts = "prvCreateAccount"

// companies remembers accounts by the names that were looked for.
type companies struct {
	ids     map[string]string
	refused map[string]error
}

// maxCompanies bounds what is remembered.
const maxCompanies = 20_000

// resolve finds the accounts of names, and adds those that do not exist. Whatever was added before is found, so that repeating a write
// after a crash adds none twice: the id of a new account follows from its name. What cannot be had is refused, with the reason; err is
// for what concerns all.
func (a *account) resolve(ctx context.Context, names []string) error {
	k := &a.companies
	if k.ids == nil || len(k.ids) > maxCompanies {
		k.ids = map[string]string{}
	}
	k.refused = map[string]error{}
	missing := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return k.ids[n] != "" })
	for _, some := range fitting(missing) {
		if err := a.find(ctx, some); isForbidden(err) {
			for _, n := range some {
				k.refused[n] = noEmployer("this user may not read accounts")
			}
		} else if err != nil {
			return err
		}
	}
	left := func() []string {
		return slices.DeleteFunc(slices.Clone(missing), func(n string) bool { return k.ids[n] != "" || k.refused[n] != nil })
	}
	for try := 0; try < 3 && len(left()) > 0; try++ {
		for some := range slices.Chunk(distinct(left()), batchSize) {
			if err := a.makeAccounts(ctx, some, try); err != nil {
				return err
			}
		}
		for _, n := range left() { // that differ from one of those in case only
			i := slices.IndexFunc(missing, func(m string) bool { return strings.EqualFold(m, n) && (k.ids[m] != "" || k.refused[m] != nil) })
			if i >= 0 && k.ids[missing[i]] != "" {
				k.ids[n] = k.ids[missing[i]]
			} else if i >= 0 {
				k.refused[n] = k.refused[missing[i]]
			}
		}
	}
	for _, n := range left() {
		k.refused[n] = noEmployer("an account of this name was neither found nor added")
	}
	return nil
}

// distinct leaves out names that differ from one before in case only.
func distinct(names []string) []string {
	var out []string
	for _, n := range names {
		if !slices.ContainsFunc(out, func(m string) bool { return strings.EqualFold(m, n) }) {
			out = append(out, n)
		}
	}
	return out
}

// longestFilter is how many characters the names in an address may have, escaped: three bytes of Japanese are nine of them, and an
// address may have some 30,000.
const longestFilter = 8_000

// fitting takes names apart into lists that fit into one question each.
func fitting(names []string) [][]string {
	var out [][]string
	length := 0
	for _, n := range names {
		l := len(query("", "name eq "+quoted(n)+" or "))
		if len(out) == 0 || len(out[len(out)-1]) == namesACall || length+l > longestFilter {
			out, length = append(out, nil), 0
		}
		out[len(out)-1] = append(out[len(out)-1], n)
		length += l
	}
	return out
}

func noEmployer(reason string) error {
	return &connector.InvalidError{System: System, Field: string(record.OrgName), Reason: reason}
}

// company is an account in an answer.
type company struct {
	ID    string `json:"accountid"`
	Name  string `json:"name"`
	State int    `json:"statecode"`
}

// find looks names up among the active accounts. Of several with a name the oldest is taken, and one that differs in case only where none
// is equal: adding another would be a double.
func (a *account) find(ctx context.Context, names []string) error {
	var page struct {
		Value []company `json:"value"`
	}
	filter := "statecode eq 0 and (" + anyOf("name", names, quoted) + ")"
	r := get("accounts"+query("$select", "accountid,name,statecode", "$filter", filter, "$orderby", "createdon asc"), pageSize(maxPage))
	r.right, r.privilege = "read accounts", "prvReadAccount"
	a.extra++
	if _, err := a.read(ctx, r, &page); err != nil {
		return err
	}
	alike := map[string]string{}
	for _, m := range page.Value {
		id, folded := strings.ToLower(m.ID), strings.ToLower(m.Name)
		switch {
		case !isID(id):
		case slices.Contains(names, m.Name) && a.companies.ids[m.Name] == "":
			a.companies.ids[m.Name] = id
		case alike[folded] == "":
			alike[folded] = id
		}
	}
	for _, n := range names {
		if id := alike[strings.ToLower(n)]; a.companies.ids[n] == "" && id != "" {
			a.companies.ids[n] = id
		}
	}
	return nil
}

// makeAccounts adds accounts, each with an id that follows from its name and from how often that was in vain: an id may be that of an
// account that was renamed since.
func (a *account) makeAccounts(ctx context.Context, names []string, try int) error {
	parts := make([]request, len(names))
	for i, n := range names {
		b, err := json.Marshal(map[string]string{"name": n})
		if err != nil {
			return fmt.Errorf("%s: encoding a request: %w", System, err)
		}
		parts[i] = request{method: http.MethodPatch, path: "accounts(" + a.companyID(n, try) + ")", body: b,
			header: map[string]string{"If-None-Match": "*"}, right: "add accounts", privilege: privilegeAddAccounts}
	}
	a.extra++
	answers, _, err := a.batch(ctx, parts)
	if err != nil {
		return transient(err)
	}
	var there []int
	for i, got := range answers {
		err := got.outcome(parts[i], true)
		switch {
		case err == nil:
			a.companies.ids[names[i]] = a.companyID(names[i], try)
		case refusedWith(err, http.StatusPreconditionFailed), isDuplicate(err):
			there = append(there, i)
		case isForbidden(err):
			a.companies.refused[names[i]] = noEmployer("there is no account of this name, and this user may not add one")
		case isInvalid(err):
			a.companies.refused[names[i]] = noEmployer("the organisation does not accept an account of this name")
		default:
			return transient(err)
		}
	}
	if len(there) == 0 {
		return nil
	}
	return a.adopt(ctx, names, there, try)
}

// adopt takes the accounts that have the ids of new ones already, if they are still what they were added as.
func (a *account) adopt(ctx context.Context, names []string, some []int, try int) error {
	parts := make([]request, len(some))
	for n, i := range some {
		parts[n] = get("accounts(" + a.companyID(names[i], try) + ")" + query("$select", "accountid,name,statecode"))
	}
	a.extra++
	answers, _, err := a.batch(ctx, parts)
	if err != nil {
		return err
	}
	for n, got := range answers {
		var m company
		if got.outcome(parts[n], false) == nil && json.Unmarshal(got.body, &m) == nil && m.Name == names[some[n]] && m.State == 0 {
			a.companies.ids[m.Name] = a.companyID(m.Name, try)
		}
	}
	return nil
}

// transient is the error of accounts that could not be added: the people have not been sent, so that there is no doubt about them.
func transient(err error) error {
	if throttledFor(err) > 0 || isForbidden(err) || isAuthLost(err) {
		return err
	}
	return fmt.Errorf("%w: %s did not add an account", connector.ErrTransient, System)
}

func (a *account) companyID(name string, try int) string {
	return derived("account", a.cfg.Site, name, itoa(try))
}

// derived is an id that follows from texts, in the form of one of RFC 9562's own kinds (version 8).
func derived(texts ...string) string {
	h := sha256.Sum256([]byte("meibo\x00" + strings.Join(texts, "\x00")))
	return formed([16]byte(h[:16]))
}

func formed(b [16]byte) string {
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
