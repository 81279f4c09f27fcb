package graph

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"meibo/shared/record"
	"meibo/shared/sandbox"
)

// categoryGroup is the beginning of the name of a group that is a category; other groups are folders.
const categoryGroup = "category:"

// Title is the name on the sandbox's page.
func (s *Sandbox) Title() string { return "Outlook contacts (sandbox)" }

// AddUserJSON is AddUser for the control route: {"email","name","directory","admin","no_mailbox","disabled"}.
func (s *Sandbox) AddUserJSON(body []byte) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	var u User
	if err := d.Decode(&u); err != nil {
		return fmt.Errorf("the user does not parse: %w", err)
	}
	return s.AddUser(u)
}

// Fields are the fields of every contact.
func (s *Sandbox) Fields(user string) ([]record.Field, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.boxes[user] == nil {
		return nil, fmt.Errorf("%w: %s", sandbox.ErrNoUser, user)
	}
	return catalogue(), nil
}

// Put adds contacts and returns their ids (immutable) in order. What Outlook cannot hold of them is left out; see Fill.
func (s *Sandbox) Put(user string, seeds []sandbox.Seed) ([]string, error) {
	done, err := s.Fill(user, seeds)
	return done.IDs, err
}

// Fill is Put that also says which fields of which contact were not held whole. It adds all or none. A group is the name of a folder
// below Contacts, or "category:" and the name of a category; missing ones are made. A contact is in one folder only: without a
// name it is the default one.
func (s *Sandbox) Fill(user string, seeds []sandbox.Seed) (done sandbox.Filled, err error) {
	err = s.withBox(user, func(m *mailbox) error {
		items, dropped := make([]*item, len(seeds)), make([][]record.Key, len(seeds))
		for i, seed := range seeds {
			props, left, e := s.edited(nil, seed.Record.Fields)
			if e != nil {
				return fmt.Errorf("contact %d: %w", i, e)
			}
			_, categories, err := splitGroups(seed.Groups)
			if err != nil {
				return fmt.Errorf("contact %d: %w", i, err)
			}
			if len(categories) > 0 {
				props = with(props, kCategories, encode(categories))
			}
			items[i], dropped[i] = &item{props: props}, left
		}
		done = sandbox.Filled{IDs: make([]string, len(seeds)), Dropped: map[string][]record.Key{}}
		for i, it := range items {
			s.add(m, s.folderFor(m, seeds[i].Groups), it)
			done.IDs[i] = m.itemID(it, true)
			if len(dropped[i]) > 0 {
				done.Dropped[done.IDs[i]] = dropped[i]
			}
		}
		return nil
	})
	return done, err
}

// splitGroups tells folders from categories.
func splitGroups(groups []string) (folder string, categories []string, err error) {
	for _, g := range groups {
		if name, ok := strings.CutPrefix(g, categoryGroup); ok {
			categories = append(categories, name)
			continue
		}
		if folder != "" && folder != g {
			return "", nil, errors.New("a contact is in one folder only")
		}
		folder = g
	}
	return folder, categories, nil
}

// folderFor finds or makes the folder that groups name, and the categories in the master list.
func (s *Sandbox) folderFor(m *mailbox, groups []string) *folder {
	name, categories, _ := splitGroups(groups) // the caller has checked them
	for _, k := range categories {
		s.addCategory(m, k, "none")
	}
	if name == "" || name == m.folders[defaultFolder].name {
		return m.folders[defaultFolder]
	}
	if f := m.sibling(defaultFolder, name); f != nil {
		return f
	}
	return s.addFolder(m, defaultFolder, name)
}

// Contacts lists in order of creation, over all folders.
func (s *Sandbox) Contacts(user, after string, limit int) (page []sandbox.Contact, next string, err error) {
	err = s.withBox(user, func(m *mailbox) error {
		last := uint64(0)
		if after != "" {
			if last, err = strconv.ParseUint(after, 10, 64); err != nil {
				return errors.New("after is not from an earlier page")
			}
		}
		from := sort.Search(len(m.made), func(i int) bool { return m.made[i].id > last })
		for _, it := range m.made[from:] {
			if it.deleted() {
				continue
			}
			if len(page) == limit {
				next = strconv.FormatUint(last, 10)
				return nil
			}
			last = it.id
			page = append(page, s.bookContact(m, it))
		}
		return nil
	})
	return page, next, err
}

// Contact returns one contact.
func (s *Sandbox) Contact(user, id string) (c sandbox.Contact, err error) {
	err = s.withItem(user, id, func(m *mailbox, it *item) error {
		c = s.bookContact(m, it)
		return nil
	})
	return c, err
}

// withItem is withBox for one contact, by either form of its id.
func (s *Sandbox) withItem(user, id string, do func(*mailbox, *item) error) error {
	return s.withBox(user, func(m *mailbox) error {
		it, e := m.findItem(id)
		if e != nil {
			return fmt.Errorf("%w: %s", sandbox.ErrNoContact, id)
		}
		return do(m, it)
	})
}

func (s *Sandbox) bookContact(m *mailbox, it *item) sandbox.Contact {
	var b strings.Builder
	s.contact(&b, m, it, view{immutable: true})
	got := sandbox.Contact{
		ID: m.itemID(it, true), Version: m.changeKey(it.seq), Native: json.RawMessage(b.String()),
		Record: record.Record{Kind: record.Contact, Fields: neutral(it)},
	}
	if it.folder != defaultFolder {
		got.Groups = append(got.Groups, m.folders[it.folder].name)
	}
	for _, k := range textsOf(it.raw(kCategories)) {
		got.Groups = append(got.Groups, categoryGroup+k)
	}
	return got
}

// Edit gives each named field a complete new list of values, as a person does in Outlook.
func (s *Sandbox) Edit(user, id string, fields record.Fields) error {
	return s.withItem(user, id, func(m *mailbox, it *item) error {
		props, dropped, e := s.edited(it.props, fields)
		if e != nil {
			return e
		}
		if len(dropped) > 0 {
			return fmt.Errorf("the values of %v are not ones that Outlook can hold", dropped)
		}
		it.props = props
		s.touch(m, it)
		return nil
	})
}

// Remove deletes a contact.
func (s *Sandbox) Remove(user, id string) error {
	return s.withItem(user, id, func(m *mailbox, it *item) error {
		s.remove(m, it)
		return nil
	})
}

// SetGroups moves a contact to the folder that is named, or the default one, and makes the named categories its categories.
func (s *Sandbox) SetGroups(user, id string, names []string) error {
	return s.withItem(user, id, func(m *mailbox, it *item) error {
		_, categories, err := splitGroups(names)
		if err != nil {
			return err
		}
		raw := ""
		if len(categories) > 0 {
			raw = encode(categories)
		}
		to := s.folderFor(m, names)
		if raw == it.raw(kCategories) && to.id == it.folder {
			return nil
		}
		it.props = with(it.props, kCategories, raw)
		if to.id != it.folder {
			s.move(m, it, to)
		} else {
			s.touch(m, it)
		}
		return nil
	})
}

// Group is a folder or a category as the control route lists it.
type Group struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Kind    string `json:"kind"` // folder or category
	Hidden  bool   `json:"hidden,omitempty"`
	Default bool   `json:"default,omitempty"`
	Members int    `json:"members"` // of a folder
}

// Groups lists the folders, the default one first, and then the categories of the master list.
func (s *Sandbox) Groups(user string) (out []Group, err error) {
	err = s.withBox(user, func(m *mailbox) error {
		folders := m.foldersBySeq()
		slices.SortFunc(folders, func(a, b *folder) int { return int(a.id) - int(b.id) })
		for _, f := range folders {
			if !f.deleted {
				out = append(out, Group{m.folderID(f.id), f.name, "folder", f.hidden, f.id == defaultFolder, f.live})
			}
		}
		for _, k := range m.categories {
			out = append(out, Group{ID: k.ID, Name: k.Name, Kind: "category"})
		}
		return nil
	})
	return out, err
}
