package dynamics_test

import (
	"bytes"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"testing"

	"meibo/shared/connector"
	"meibo/shared/connector/dynamics"
	"meibo/shared/record"
)

// backwards answers a batch in the opposite order, and says which part is for which.
func backwards(answers ...reply) *reply {
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	for i := len(answers) - 1; i >= 0; i-- {
		p, _ := w.CreatePart(textproto.MIMEHeader{"Content-Type": {"application/http"}, "Content-Transfer-Encoding": {"binary"}, "Content-ID": {fmt.Sprint(i + 1)}})
		fmt.Fprintf(p, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\n\r\n%s", answers[i].status, http.StatusText(answers[i].status), answers[i].body)
	}
	w.Close()
	return &reply{status: 200, body: out.String(), header: map[string]string{"Content-Type": "multipart/mixed; boundary=" + w.Boundary()}}
}

func TestAnswersInAnotherOrderAreNotMixedUp(t *testing.T) {
	t.Run("the row that is there is not taken for the one that is gone", func(t *testing.T) {
		c, s := scripted(t, func(call) reply { return list() })
		s.whole = func(parts []call) *reply {
			if len(parts) != 2 {
				return nil
			}
			return backwards(reply{status: 200, body: named(1, "Haruto")}, absent())
		}
		got, err := c.Get(t.Context(), nil, []string{id(1), id(2)})
		if err != nil {
			t.Fatal(err)
		}
		if got[0].Status != connector.StatusFound || got[1].Status != connector.StatusGone {
			t.Errorf("got %v (%v) and %v (%v), want the first found and the second gone", got[0].Status, got[0].Err, got[1].Status, got[1].Err)
		}
	})
	t.Run("nor the deletion that was refused for the one that was done", func(t *testing.T) {
		c, s := scripted(t, func(call) reply { return list() })
		s.whole = func([]call) *reply {
			return backwards(reply{status: 204}, refusal(412, "0x80060882", "The version does not match."))
		}
		rs, err := c.Apply(t.Context(), []connector.Write{{Op: connector.Delete, ID: id(1)}, {Op: connector.Delete, ID: id(2)}})
		if err != nil || rs[0].Err != nil || !errors.Is(rs[1].Err, connector.ErrVersionConflict) {
			t.Errorf("got %+v, %v, want a conflict on the second", rs, err)
		}
	})
	t.Run("and what names a part twice, or one that was not sent, says nothing", func(t *testing.T) {
		c, s := scripted(t, func(call) reply { return list() })
		s.whole = func([]call) *reply {
			a := backwards(reply{status: 204}, reply{status: 204})
			a.body = strings.Replace(a.body, "Content-ID: 2\r\n", "Content-ID: 1\r\n", 1)
			return a
		}
		rs, err := c.Apply(t.Context(), []connector.Write{{Op: connector.Delete, ID: id(1)}, {Op: connector.Delete, ID: id(2)}})
		if err != nil || !errors.Is(rs[1].Err, connector.ErrOutcomeUnknown) {
			t.Errorf("got %+v, %v, want that the second is open", rs, err)
		}
	})
}

func TestAListWithConditionsThatNeverEndsIsGivenUp(t *testing.T) {
	const group = "77777777-9b1d-4e11-8f6d-000d3a1b2c3d"
	for what, rows := range map[string][]string{"empty pages": {}, "the same two pages in turn": {named(1, "A"), named(2, "B")}} {
		t.Run(what, func(t *testing.T) {
			n := 0
			c, _ := scripted(t, func(k call) reply {
				if strings.HasPrefix(k.path, "lists(") {
					return reply{status: 200, body: `{"listid":"` + group + `","listname":"L","type":true,"createdfromcode":2,"query":"<fetch><entity name=\"contact\"/></fetch>"}`}
				}
				if n++; n > 200 {
					t.Fatal("it goes on asking")
				}
				var some []string
				if len(rows) > 0 {
					some = rows[n%2 : n%2+1]
				}
				a := list(some...)
				a.body = strings.TrimSuffix(a.body, "}") + `,"@Microsoft.Dynamics.CRM.morerecords":true,"@Microsoft.Dynamics.CRM.fetchxmlpagingcookie":""}`
				return a
			})
			var err error
			for next, i := "", 0; err == nil && (i == 0 || next != ""); i++ {
				_, next, err = c.Members(t.Context(), connector.Scope{Groups: []string{"list:" + group}}, next)
			}
			if !errors.Is(err, connector.ErrTransient) {
				t.Errorf("got %v after %d pages, want that the list is not believed", err, n)
			}
		})
	}
}

func TestANewContactThatWasThrottledFirstStillComesIntoItsList(t *testing.T) {
	const group = "77777777-9b1d-4e11-8f6d-000d3a1b2c3d"
	exists, member, tries := false, false, 0
	_, s := scripted(t, nil)
	s.answer = func(k call) reply {
		switch {
		case k.method == "PATCH":
			if tries++; tries == 1 {
				return reply{status: 429, body: `{"error":{"code":"0x80072322","message":"x"}}`, header: map[string]string{"Retry-After": "1"}}
			}
			exists = true
			return reply{status: 201, body: strings.Replace(named(1, "Haruto"), id(1), strings.TrimSuffix(strings.TrimPrefix(k.path, "contacts("), ")"), 1)}
		case strings.HasSuffix(k.path, "AddMemberList"):
			if !exists {
				return absent()
			}
			member = true
			return reply{status: 204}
		case strings.HasPrefix(k.path, "lists("):
			return reply{status: 200, body: `{"listid":"` + group + `","listname":"L","type":false,"createdfromcode":2}`}
		}
		return list()
	}
	c := s.open(dynamics.Config{Patience: 60e9})
	w := create(record.Fields{record.NameGiven: text("Haruto")})
	w.Mark, w.Groups = "m1", []string{"list:" + group}
	if r := only(t, c, w); r.Err != nil || !member {
		t.Errorf("got %v, in the list: %v", r.Err, member)
	}
}

func TestEmployersWithLongNamesFitIntoAnAddress(t *testing.T) {
	long, most := 0, 0
	c, s := scripted(t, nil)
	s.answer = func(k call) reply {
		if k.path == "accounts" {
			most = max(most, len(k.query.Encode()))
			long++
		}
		if k.method == "PATCH" {
			return reply{status: 204}
		}
		return list()
	}
	var ws []connector.Write
	for i := range 40 {
		ws = append(ws, create(record.Fields{record.NameGiven: text("A"), record.OrgName: text(fmt.Sprint(strings.Repeat("株", 150), i))}))
	}
	if _, err := c.Apply(t.Context(), ws); err != nil {
		t.Fatal(err)
	}
	if most > 16_000 {
		t.Errorf("an address had %d characters, which Dynamics may not take", most)
	}
	if long > 8 {
		t.Errorf("it took %d calls", long)
	}
}

func TestPrivilegesThatWereNotToldAreNotLost(t *testing.T) {
	for what, body := range map[string]string{"nothing": `{}`, "null": `{"RolePrivileges":null}`, "an error": `{"error":{"code":"","message":"x"}}`} {
		t.Run(what, func(t *testing.T) {
			c, s := scripted(t, func(call) reply { return list() })
			s.privileges = body
			if who, err := c.Identify(t.Context()); err != nil || who.Permissions != nil {
				t.Errorf("it says %v (%v), and nobody said so", who.Permissions, err)
			}
		})
	}
}

func TestEmployersThatDifferInCaseOnlyAreOne(t *testing.T) {
	made := map[string]bool{}
	c, _ := scripted(t, func(k call) reply {
		if strings.HasPrefix(k.path, "accounts(") && k.method == "PATCH" {
			made[k.path] = true
			return reply{status: 204}
		}
		if k.method == "PATCH" {
			return reply{status: 201, body: strings.Replace(named(1, "A"), id(1), strings.TrimSuffix(strings.TrimPrefix(k.path, "contacts("), ")"), 1)}
		}
		return list()
	})
	one, two := create(record.Fields{record.NameGiven: text("A"), record.OrgName: text("Kitano")}), create(record.Fields{record.NameGiven: text("B"), record.OrgName: text("KITANO")})
	one.Mark, two.Mark = "m1", "m2"
	rs, err := c.Apply(t.Context(), []connector.Write{one, two})
	if err != nil || rs[0].Err != nil || rs[1].Err != nil {
		t.Fatal(rs, err)
	}
	if len(made) != 1 {
		t.Errorf("%d accounts were added, want one", len(made))
	}
}

func TestAWholeBatchThatIsNotFoundDeletesNothing(t *testing.T) {
	for what, a := range map[string]reply{
		"an API that is not there":  refusal(404, "0x80060888", "Resource not found for the segment '$batch'."),
		"an organisation that went": refusal(404, "0x80040217", "The organization could not be found."),
		"another page's tag":        refusal(412, "", "x"),
	} {
		t.Run(what, func(t *testing.T) {
			c, s := scripted(t, func(call) reply { return list() })
			s.whole = func([]call) *reply { return &a }
			rs, err := c.Apply(t.Context(), []connector.Write{{Op: connector.Delete, ID: id(1)}, {Op: connector.Delete, ID: id(2)}})
			said := []error{err}
			for _, r := range rs {
				said = append(said, r.Err)
			}
			for _, err := range said[min(1, len(said)-1):] {
				if err == nil || errors.Is(err, connector.ErrNotFound) || errors.Is(err, connector.ErrVersionConflict) {
					t.Errorf("got %v, which says of a record what nobody said", err)
				}
			}
		})
	}
}

func TestAListOfNoKindIsNotEmpty(t *testing.T) {
	for _, value := range []string{`{}`, `null`, `""`, `{"error":1}`, `7`} {
		for _, order := range []string{`{"@odata.context":"x","value":%s}`, `{"value":%s,"@odata.deltaLink":"` + link("contacts?t=1") + `"}`} {
			c, _ := scripted(t, func(call) reply { return reply{status: 200, body: fmt.Sprintf(order, value)} })
			if p, err := c.Changes(t.Context(), connector.Scope{}, ""); !errors.Is(err, connector.ErrTransient) {
				t.Errorf(order+": got %+v, %v", value, p, err)
			}
		}
	}
}

func TestAThrottledFullListingGoesOnWhereItStopped(t *testing.T) {
	for _, untraced := range []bool{false, true} {
		t.Run(fmt.Sprint("untracked ", untraced), func(t *testing.T) {
			n := 0
			c, s := scripted(t, func(k call) reply {
				if n++; n%3 == 0 {
					return reply{status: 429, body: `{"error":{"code":"0x80072322","message":"x"}}`, header: map[string]string{"Retry-After": "30"}}
				}
				at := 0
				_, _ = fmt.Sscan(k.query.Get("$skiptoken"), &at)
				if at == 40 {
					return more("", link("contacts?$deltatoken=1"), named(40, "Last"))
				}
				return more(link(fmt.Sprintf("contacts?$skiptoken=%d", at+1)), "", named(at, fmt.Sprint("P", at)))
			})
			s.untraced = untraced
			seen, cursor := map[string]bool{}, ""
			for range 200 {
				p, err := c.Changes(t.Context(), connector.Scope{}, cursor)
				if err != nil {
					continue
				}
				for _, it := range p.Changed {
					seen[it.ID] = true
				}
				if cursor = p.Next; !p.More {
					break
				}
			}
			if len(seen) != 41 || n > 80 {
				t.Errorf("%d of 41 rows in %d calls", len(seen), n)
			}
		})
	}
}

func TestNothingOfARowGetsIntoAnError(t *testing.T) {
	const secret = "hanako@secret.example"
	for what, a := range map[string]reply{
		"a refusal":         refusal(400, "0x80040203", "The value '"+secret+"' of emailaddress1 is bad"),
		"a duplicate":       refusal(412, "0x80040237", secret),
		"a failure":         {status: 500, body: secret},
		"a rule":            refusal(400, "0x80040265", secret),
		"not allowed":       refusal(403, "0x80040220", "Principal user "+secret+" is missing prvReadContact"),
		"a web page":        {status: 200, body: "<html>" + secret},
		"half an answer":    {status: 200, body: `{"value":[{"firstname":"` + secret},
		"a link elsewhere":  {status: 200, body: `{"value":[],"@odata.nextLink":"https://` + secret + `/api/data/v9.2/contacts?x=1"}`},
		"a link of no kind": {status: 200, body: `{"value":[],"@odata.nextLink":"::` + secret + `"}`},
		"a code of no kind": refusal(400, secret, secret),
		"a redirect":        {status: 307, header: map[string]string{"Location": "https://elsewhere.example/" + "hanako-secret"}},
		"a cut exchange":    {},
	} {
		t.Run(what, func(t *testing.T) {
			c, s := scripted(t, func(call) reply { return a })
			s.whole = func([]call) *reply { return &a }
			_, err := c.Changes(t.Context(), connector.Scope{}, "")
			_, second := c.Get(t.Context(), nil, []string{id(1)})
			_, third := c.Groups(t.Context())
			w := create(record.Fields{record.NameGiven: text(secret), record.Email: text(secret), record.OrgName: text(secret)})
			w.Mark = "m"
			rs, fourth := c.Apply(t.Context(), []connector.Write{w})
			said := fmt.Sprint(err, second, third, fourth)
			for _, r := range rs {
				said += fmt.Sprint(r.Err)
			}
			if strings.Contains(said, "secret") || err == nil {
				t.Errorf("got %s", said)
			}
		})
	}
}

func TestAPageThatIsTooMuchIsAskedForInLess(t *testing.T) {
	big := strings.Repeat(" ", 65<<20)
	var asked []string
	c, _ := scripted(t, func(k call) reply {
		_, size, _ := strings.Cut(k.header.Get("Prefer"), "odata.maxpagesize=")
		size, _, _ = strings.Cut(size, ",")
		if asked = append(asked, size); len(size) > 3 {
			return reply{status: 200, body: big}
		}
		return more("", link("contacts?$deltatoken=1"), named(1, "Haruto"))
	})
	p, err := c.Changes(t.Context(), connector.Scope{}, "")
	if err != nil || names(p) != "Haruto" || len(asked) > 4 {
		t.Errorf("got %q and %v after asking for %v", names(p), err, asked)
	}
}

func TestNobodyLeavesAListThatDoesNotSayWhoIsInIt(t *testing.T) {
	const group = "77777777-9b1d-4e11-8f6d-000d3a1b2c3d"
	for what, rows := range map[string]string{"null": `{"_entityid_value":null}`, "another column": `{"entityid":"` + id(1) + `"}`, "no id": `{"_entityid_value":"x"}`} {
		t.Run(what, func(t *testing.T) {
			c, _ := scripted(t, func(k call) reply {
				if strings.HasPrefix(k.path, "lists(") {
					return reply{status: 200, body: `{"listid":"` + group + `","listname":"L","type":false,"createdfromcode":2}`}
				}
				if k.path == "listmembers" {
					return list(rows, rows)
				}
				return more("", link("contacts?$deltatoken=1"), named(1, "Haruto"))
			})
			scope := connector.Scope{Groups: []string{"list:" + group}}
			if ids, _, err := c.Members(t.Context(), scope, ""); !errors.Is(err, connector.ErrTransient) {
				t.Errorf("the scan found %v, %v", ids, err)
			}
			if p, err := c.Changes(t.Context(), scope, ""); !errors.Is(err, connector.ErrTransient) {
				t.Errorf("the listing has %q, %v", names(p), err)
			}
		})
	}
}
