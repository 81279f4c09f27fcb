package hubspot

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// render is an owner. A former one has no user id.
func (m *member) render() object {
	first, last, _ := strings.Cut(m.Name, " ")
	out := object{"id": num(m.OwnerID), "email": m.Email, "type": "PERSON", "firstName": first, "lastName": last, "userId": m.UserID,
		"userIdIncludingInactive": m.UserID, "createdAt": stamp(m.Added), "updatedAt": stamp(m.Changed), "archived": m.Off}
	if m.Off {
		out["userId"] = nil
	} else {
		out["teams"] = []object{{"id": num(m.p.ID - firstPortal + 368389), "name": "Sales", "primary": true}}
	}
	return out
}

func listOwners(c *call) (*reply, error) {
	n, err := c.limit(100, 500)
	if err != nil {
		return nil, err
	}
	archived, err := c.flag("archived")
	if err != nil {
		return nil, err
	}
	from := int64(0)
	if c.q.Has("after") {
		if from = parseID(c.q.Get("after")); from == 0 {
			return nil, bad("The parameter after is not a cursor")
		}
	}
	results, out := []object{}, object{}
	for _, m := range c.p.members {
		if m.Off != archived || m.OwnerID < from || c.q.Has("email") && !strings.EqualFold(m.Email, c.q.Get("email")) {
			continue
		}
		if len(results) == n {
			out["paging"] = c.nextLink(num(m.OwnerID))
			break
		}
		results = append(results, m.render())
	}
	out["results"] = results
	return ok(out)
}

func getOwner(c *call) (*reply, error) {
	archived, err := c.flag("archived")
	if err != nil {
		return nil, err
	}
	by := c.q.Get("idProperty")
	if by != "" && by != "id" && by != "userId" {
		return nil, bad("The idProperty is id or userId")
	}
	id := parseID(c.path["id"])
	i := slices.IndexFunc(c.p.members, func(m *member) bool {
		return m.Off == archived && (by != "userId" && m.OwnerID == id || by == "userId" && m.UserID == id)
	})
	if i < 0 {
		return nil, missing("owner")
	}
	return ok(c.p.members[i].render())
}

func accountDetails(c *call) (*reply, error) {
	loc, err := time.LoadLocation(c.p.TimeZone)
	if err != nil {
		loc = time.UTC // checked when it was set
	}
	at := c.s.cfg.Clock.Now().In(loc)
	_, offset := at.Zone()
	return ok(object{"portalId": c.p.ID, "accountType": "STANDARD", "timeZone": c.p.TimeZone, "companyCurrency": "EUR", "additionalCurrencies": []string{},
		"utcOffset": at.Format("-07:00"), "utcOffsetMilliseconds": offset * 1000, "uiDomain": c.p.domain(), "dataHostingLocation": c.p.Region})
}

// uninstall takes the app out of the account: everybody's authorisation ends.
func uninstall(c *call) (*reply, error) {
	for _, m := range c.p.members {
		if err := c.s.forget(m.Email, true); err != nil {
			return nil, err
		}
	}
	return &reply{status: http.StatusNoContent}, nil
}
