package sandbox

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"meibo/shared/record"
)

// The page shows pageSize contacts at a time, and a search looks at no more than searchSpan of them before it offers to go on.
const (
	pageSize   = 50
	searchSpan = 5000
)

// Page is where a person sees, searches, edits, adds and deletes contacts, in plain HTML without scripts.
//
//	GET  /sandbox/                      the users
//	GET  /sandbox/page/list?user=&q=&after=
//	GET  /sandbox/page/edit?user=&id=   (id "" is a new contact)
//	POST /sandbox/page/save, /sandbox/page/delete
type Page struct{ Book Book }

// ServeHTTP answers the page's paths.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost && !SameOrigin(r) {
		http.Error(w, "This form must be sent from its own page.", http.StatusForbidden)
		return
	}
	switch r.Method + " " + r.URL.Path {
	case "GET /sandbox/":
		p.render(w, http.StatusOK, "users", map[string]any{"Title": p.Book.Title(), "Users": p.Book.Users()})
	case "GET /sandbox/page/list":
		p.list(w, r)
	case "GET /sandbox/page/edit":
		p.edit(w, r)
	case "POST /sandbox/page/save":
		p.save(w, r)
	case "POST /sandbox/page/delete":
		p.delete(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (p *Page) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	user, want, after := q.Get("user"), strings.ToLower(strings.TrimSpace(q.Get("q"))), q.Get("after")
	var rows []row
	for seen := 0; len(rows) < pageSize && seen < searchSpan; {
		page, next, err := p.Book.Contacts(user, after, pageSize-len(rows))
		if err != nil {
			p.fail(w, err)
			return
		}
		seen += len(page)
		for _, c := range page {
			if matches(c.Record.Fields, want) {
				rows = append(rows, summary(c))
			}
		}
		if after = next; next == "" {
			break
		}
	}
	p.render(w, http.StatusOK, "list", map[string]any{"Title": p.Book.Title(), "User": user, "Query": q.Get("q"), "Rows": rows, "Next": after})
}

func (p *Page) edit(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	user, id := q.Get("user"), q.Get("id")
	fields, err := p.Book.Fields(user)
	if err != nil {
		p.fail(w, err)
		return
	}
	c := Contact{}
	if id != "" {
		if c, err = p.Book.Contact(user, id); err != nil {
			p.fail(w, err)
			return
		}
	}
	p.form(w, http.StatusOK, user, c, fields, "")
}

func (p *Page) form(w http.ResponseWriter, status int, user string, c Contact, fields []record.Field, problem string) {
	p.render(w, status, "edit", map[string]any{
		"Title": p.Book.Title(), "User": user, "ID": c.ID, "Version": c.Version, "Groups": strings.Join(c.Groups, ", "),
		"Fields": inputs(fields, c.Record.Fields), "Problem": problem,
	})
}

func (p *Page) save(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "The form does not parse.", http.StatusBadRequest)
		return
	}
	user, id := r.PostForm.Get("user"), r.PostForm.Get("id")
	fields, err := p.Book.Fields(user)
	if err != nil {
		p.fail(w, err)
		return
	}
	typed := readInputs(fields, r.PostForm)
	if id == "" {
		for k, vs := range typed {
			if len(vs) == 0 {
				delete(typed, k)
			}
		}
		done, err := p.Book.Fill(user, []Seed{{Record: record.Record{Kind: record.Contact, Fields: typed}}})
		if err != nil {
			p.form(w, http.StatusBadRequest, user, Contact{Record: record.Record{Fields: typed}}, fields, err.Error())
			return
		}
		http.Redirect(w, r, editURL(user, done.IDs[0]), http.StatusSeeOther)
		return
	}
	c, err := p.Book.Contact(user, id)
	if err != nil {
		p.fail(w, err)
		return
	}
	if c.Version != r.PostForm.Get("version") {
		p.form(w, http.StatusConflict, user, c, fields, "The contact changed in the meantime. This is how it is now; make your change again.")
		return
	}
	if changed := changedFields(fields, c.Record.Fields, typed); len(changed) > 0 {
		if err := p.Book.Edit(user, id, changed); err != nil {
			c.Record.Fields = typed
			p.form(w, http.StatusBadRequest, user, c, fields, err.Error())
			return
		}
	}
	http.Redirect(w, r, editURL(user, id), http.StatusSeeOther)
}

func (p *Page) delete(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "The form does not parse.", http.StatusBadRequest)
		return
	}
	user := r.PostForm.Get("user")
	if err := p.Book.Remove(user, r.PostForm.Get("id")); err != nil {
		p.fail(w, err)
		return
	}
	http.Redirect(w, r, "/sandbox/page/list?"+url.Values{"user": {user}}.Encode(), http.StatusSeeOther)
}

func (p *Page) fail(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	if errors.Is(err, ErrNoUser) || errors.Is(err, ErrNoContact) {
		status = http.StatusNotFound
	}
	p.render(w, status, "error", map[string]any{"Title": p.Book.Title(), "Problem": err.Error()})
}

func (p *Page) render(w http.ResponseWriter, status int, name string, data map[string]any) {
	pageHeaders(w)
	w.WriteHeader(status)
	_ = pageHTML.ExecuteTemplate(w, name, data)
}

func editURL(user, id string) string {
	return "/sandbox/page/edit?" + url.Values{"user": {user}, "id": {id}}.Encode()
}
