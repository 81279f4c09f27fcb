package graph_test

import (
	"bytes"
	"errors"
	"image"
	jpeglib "image/jpeg"
	"strings"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/connector/graph"
	"meibo/shared/record"
	"meibo/shared/sandbox"
	graphbox "meibo/shared/sandbox/graph"
)

func TestGroupsAreFoldersAndCategories(t *testing.T) {
	b := newBox(t, nil, graphbox.User{})
	empty, err := b.connector().Groups(ctx)
	b.must(err)
	if len(empty) != 1 || empty[0].ID != "folder:contacts" || empty[0].Name == "" || !empty[0].Writable {
		t.Errorf("an empty mailbox has %+v, want the default folder", empty)
	}
	b.put("Golf", named("A"))
	b.put("category:VIP", named("B"), named("C"))
	got, err := b.connector().Groups(ctx)
	b.must(err)
	var names []string
	for _, g := range got {
		names = append(names, g.Name)
	}
	if want := "Contacts|Golf|VIP"; strings.Join(names, "|") != want {
		t.Fatalf("got %q, want %s", names, want)
	}
	if got[2].ID != "category:VIP" || got[2].Members != 2 || !strings.HasPrefix(got[1].ID, "folder:") {
		t.Errorf("got %+v", got)
	}
}

func TestAManagedFolder(t *testing.T) {
	const name, mark = "Zoho CRM Contacts", "m4rk"
	for quirk, q := range map[string]graphbox.Quirks{"409": {}, "400": {FolderExists400: true}} {
		t.Run("made once and found again, "+quirk, func(t *testing.T) {
			b := newBox(t, nil, graphbox.User{})
			b.must(b.sb.SetQuirks(q))
			made, err := b.connector().MakeGroup(ctx, name, mark)
			b.must(err)
			again, err := b.connector().MakeGroup(ctx, name, mark)
			if err != nil || again.ID != made.ID || made.Name != name {
				t.Errorf("made %+v, then %+v, %v", made, again, err)
			}
			b.must(b.sb.RenameFolder(user, strings.TrimPrefix(made.ID, "folder:"), "CRM"))
			if again, err = b.connector().MakeGroup(ctx, name, mark); err != nil || again.ID != made.ID || again.Name != "CRM" {
				t.Errorf("renamed: %+v, %v; want the same folder", again, err)
			}
			var dup *connector.DuplicateError
			if _, err = b.connector().MakeGroup(ctx, "crm", "another mark"); !errors.As(err, &dup) || dup.ID != made.ID {
				t.Errorf("somebody else's: got error %v, want a DuplicateError", err)
			}
			rs, err := b.connector().Apply(ctx, []connector.Write{create(named("A").Fields, made.ID)})
			b.must(err)
			b.must(rs[0].Err)
			b.must(b.connector().RemoveGroup(ctx, made.ID))
			b.must(b.connector().RemoveGroup(ctx, made.ID))
			if b.native(rs[0].ID) != nil {
				t.Error("a contact of the removed folder is still there")
			}
			_, err = b.connector().Changes(ctx, connector.Scope{Groups: []string{made.ID}}, "")
			if !errors.Is(err, connector.ErrNotFound) {
				t.Errorf("its listing: got error %v, want ErrNotFound", err)
			}
			rs, err = b.connector().Apply(ctx, []connector.Write{create(named("A").Fields, made.ID)})
			if err != nil || !errors.Is(rs[0].Err, connector.ErrNotFound) {
				t.Errorf("a create into it: got %v, %v; want ErrNotFound", err, rs)
			}
		})
		t.Run("under another name where a hidden folder has the name, "+quirk, func(t *testing.T) {
			b := newBox(t, nil, graphbox.User{})
			b.must(b.sb.SetQuirks(q))
			_, err := b.sb.AddFolder(user, name, true)
			b.must(err)
			made, err := b.connector().MakeGroup(ctx, name, mark)
			b.must(err)
			again, err := b.connector().MakeGroup(ctx, name, mark)
			if err != nil || again.ID != made.ID || made.Name == name || !strings.HasPrefix(made.Name, name) {
				t.Errorf("made %+v, then %+v, %v", made, again, err)
			}
		})
	}
	t.Run("an outcome that is unknown is found", func(t *testing.T) {
		b := newBox(t, nil, graphbox.User{})
		b.sb.Faults().Add(sandbox.Fault{Method: "POST", Path: "/contactFolders", AfterWrite: true})
		if _, err := b.connector().MakeGroup(ctx, name, mark); !errors.Is(err, connector.ErrOutcomeUnknown) {
			t.Errorf("got error %v, want ErrOutcomeUnknown", err)
		}
		if made, err := b.connector().MakeGroup(ctx, name, mark); err != nil || made.Name != name {
			t.Errorf("afterwards: %+v, %v", made, err)
		}
	})
	t.Run("nothing but a made folder is removed", func(t *testing.T) {
		c := newServer(t, nil).connector()
		for _, id := range []string{"folder:contacts", "category:VIP", "", "folder:", "folder:a/b"} {
			var invalid *connector.InvalidError
			if err := c.RemoveGroup(ctx, id); !errors.As(err, &invalid) {
				t.Errorf("%q: got error %v, want it refused", id, err)
			}
		}
	})
}

func TestPhotos(t *testing.T) {
	b := newBox(t, nil, graphbox.User{})
	var drawn bytes.Buffer
	b.must(jpeglib.Encode(&drawn, image.NewGray(image.Rect(0, 0, 2, 2)), nil))
	jpeg := drawn.Bytes()
	var recs []record.Record
	for range 10 {
		recs = append(recs, named("A"))
	}
	ids := b.put("", recs...)
	b.must(b.sb.SetPhoto(user, ids[1], jpeg))
	b.must(b.sb.SetPhoto(user, ids[9], jpeg))
	b.must(b.sb.Remove(user, ids[2]))
	b.sb.Faults().ResetCalls()
	got, err := b.connector().Photos(ctx, append(ids, "no id"))
	b.must(err)
	for i, p := range got {
		if want := i == 1 || i == 9; (p != nil) != want {
			t.Errorf("contact %d: a picture %v, want %v", i, p != nil, want)
		} else if want && (!bytes.Equal(p.Data, jpeg) || p.Type != "image/jpeg") {
			t.Errorf("contact %d: %d bytes of %s", i, len(p.Data), p.Type)
		}
	}
	if n := b.sb.Faults().Total(); n != 1 {
		t.Errorf("%d calls for ten contacts, want 1", n)
	}
	b.must(b.connector().SetPhoto(ctx, ids[0], connector.Photo{Data: jpeg, Type: "image/jpeg"}))
	if stored, err := b.sb.Photo(user, ids[0]); err != nil || !bytes.Equal(stored, jpeg) {
		t.Errorf("stored %d bytes, %v", len(stored), err)
	}
	var invalid *connector.InvalidError
	for name, p := range map[string]connector.Photo{"too large": {Data: make([]byte, 4<<20+1), Type: "image/jpeg"}, "empty": {Type: "image/jpeg"}, "no picture": {Data: jpeg, Type: "text/html"}} {
		if err := b.connector().SetPhoto(ctx, ids[0], p); !errors.As(err, &invalid) {
			t.Errorf("%s: got error %v, want it refused", name, err)
		}
	}
	if err := newServer(t, nil).connector(asPersonal).SetPhoto(ctx, "A", connector.Photo{Data: jpeg, Type: "image/jpeg"}); !errors.As(err, &invalid) {
		t.Errorf("a personal account: got error %v, want it refused without a call", err)
	}
	s := newServer(t, map[string]func(part) reply{"GET /me/contacts/A/photo/$value": refuse(403, "ErrorAccessDenied")})
	if got, err := s.connector(asPersonal).Photos(ctx, []string{"A"}); err != nil || got[0] != nil {
		t.Errorf("a personal account's picture: %v, %v; want none", got, err)
	}
}

func TestPersonalMailboxes(t *testing.T) {
	s := newServer(t, map[string]func(part) reply{"GET /me/contacts/A": refuse(404, "ErrorItemNotFound")})
	for want, change := range map[connector.Status][]func(*graph.Config){connector.StatusGone: nil, connector.StatusInvisible: {asPersonal}} {
		got, err := s.connector(change...).Get(ctx, nil, []string{"A"})
		if err != nil || got[0].Status != want {
			t.Errorf("a 404: %v, %v; want status %d", got, err, want)
		}
	}
	b := newBox(t, nil, graphbox.User{Email: "me@outlook.example", Name: "Me", Tenant: "personal"})
	c := b.connector(func(c *graph.Config) { c.Extra = b.signIn("me@outlook.example").Extra })
	ids := b.put("", named("A"), named("B"))
	b.clock.Advance(time.Minute)
	p := changes(t, c, connector.Scope{}, "")
	b.must(b.sb.Remove("me@outlook.example", ids[0]))
	b.clock.Advance(time.Minute)
	p = changes(t, c, connector.Scope{}, p.Next)
	if len(p.Deleted) != 1 || p.Deleted[0] != (connector.Deletion{ID: ids[0], Evidence: connector.EvidenceAccount}) {
		t.Errorf("deleted: %+v, want it proven", p.Deleted)
	}
}
