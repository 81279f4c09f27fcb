package wrong_test

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"net/http"
	"strings"
	"testing"
	"time"

	"meibo/shared/record"
	"meibo/shared/sandbox"
	"meibo/shared/sandbox/pipedrive"
	"meibo/shared/system"
)

// TestAPersonWhoGetsAnotherOwnerIsParkedAndNothingIsDeleted (PD6): whether the user still sees the person or not; and goes on when it
// comes back.
func TestAPersonWhoGetsAnotherOwnerIsParkedAndNothingIsDeleted(t *testing.T) {
	for _, pair := range []string{pipedriveMicrosoft, pipedriveGoogle} {
		for name, visible := range map[string]int{"for everybody to see": 3, "for its owner only": 1} {
			for _, push := range []bool{false, true} {
				how := " polled"
				if push {
					how = " pushed"
				}
				t.Run(pair+" "+name+how, func(t *testing.T) {
					t.Parallel()
					w := open(t, options{pair: pair, push: push})
					c := w.company("morita", hourly())
					box := w.boxes.Pipedrive
					w.must(box.AddUser(pipedrive.User{Email: "ito@crm.example", Name: "Ito", Company: "morita K.K."}))
					c.fillCRM(people(0, 20))
					theirs := c.fillCRM(people(50, 3))
					for _, id := range theirs {
						w.must(box.SetOwner(c.crm, id, "ito@crm.example"))
					}
					c.first()
					w.live(10 * time.Minute)
					if n := len(c.bookBook()); n != 20 {
						t.Fatalf("got %d contacts in the book, want the user's own 20", n)
					}
					crm, book := c.ids(3)
					w.clk.Advance(10 * time.Second)
					w.must(box.SetVisible(c.crm, crm, visible))
					w.must(box.SetOwner(c.crm, crm, "ito@crm.example"))
					w.live(52 * time.Hour) // with two of the daily looks for deletions
					c.wantState("active")
					if n := len(c.bookBook()); n != 20 {
						t.Errorf("got %d contacts in the book, want 20", n)
					}
					if s := c.byID(book); s.State == "active" || s.Reason == "" {
						t.Errorf("got %+v, want one that is out of scope, with the reason", s)
					}
					if got := len(c.contacts(box, "ito@crm.example")); got < 4 {
						t.Errorf("got %d people of the other owner, want 4", got)
					}
					c.editBook(book, record.NameGiven, "Typedhere")
					w.live(2 * time.Hour)
					w.must(box.SetVisible("ito@crm.example", crm, 3))
					w.must(box.SetOwner("ito@crm.example", crm, c.crm))
					w.live(26 * time.Hour)
					if s := c.byID(book); s.State != "active" || s.CRM != crm {
						t.Errorf("got %+v, want the old link again", s)
					}
					c.wantCRM(crm, record.NameGiven, "Typedhere")
					if n := len(c.bookBook()); n != 20 {
						t.Errorf("got %d contacts in the book, want 20", n)
					}
					c.quiet()
				})
			}
		}
	}
}

// picture is a JPEG; each n has one of its own.
func picture(t *testing.T, n int) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 64, 64))
	for i := range 64 * 64 {
		img.Set(i%64, i/64, color.RGBA{uint8(40 * n), uint8(i), uint8(i >> 4), 255})
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// setPhoto gives a contact of the address book a picture.
func (c *company) setPhoto(id string, jpeg []byte) {
	c.w.t.Helper()
	c.w.clk.Advance(10 * time.Second)
	if c.w.sys[1] == system.Microsoft {
		c.w.must(c.w.boxes.Microsoft.SetPhoto(c.book, id, jpeg))
		return
	}
	r, err := http.NewRequest(http.MethodPut, c.w.origins[system.Google]+"/sandbox/photos/"+id+"?user="+c.book, bytes.NewReader(jpeg))
	c.w.must(err)
	res, err := c.w.hc.Do(r)
	c.w.must(err)
	res.Body.Close()
	if res.StatusCode >= 300 {
		c.w.t.Fatalf("setting a picture: got %d", res.StatusCode)
	}
}

// photos counts the pictures that runs gave to the CRM.
func (c *company) photos() (n int) {
	c.w.t.Helper()
	for _, r := range c.runs() {
		n += r.Photos
	}
	return n
}

// TestAPhotoGoesToThePersonWhoHasNoneAndNowhereElse (PD12), and one that Pipedrive refuses is shown.
func TestAPhotoGoesToThePersonWhoHasNoneAndNowhereElse(t *testing.T) {
	for _, pair := range []string{pipedriveMicrosoft, pipedriveGoogle} {
		t.Run(pair, func(t *testing.T) {
			t.Parallel()
			w := open(t, options{pair: pair})
			c := w.company("morita", nil)
			box := w.boxes.Pipedrive
			c.fillCRM(people(0, 10))
			mine := c.fillBook(people(5, 10))
			for i := range mine { // people 5 to 14
				c.setPhoto(mine[i], picture(t, i))
			}
			crm := sorted(c.crmBook())
			byNumber := map[int]string{}
			for _, id := range crm {
				byNumber[number(c.crmBook()[id])] = id
			}
			w.must(box.SetPicture(c.crm, byNumber[5], picture(t, 100))) // has one: stays
			w.must(box.SetPicture(c.crm, byNumber[1], picture(t, 101))) // has one and the book none: it does not travel
			kept := map[int][]byte{}
			for _, n := range []int{1, 5} {
				var err error
				kept[n], err = box.Picture(c.crm, byNumber[n])
				w.must(err)
			}
			c.first()
			w.live(time.Hour)
			c.agree(15)
			for n := range 15 {
				id, book := c.ids(n)
				got, err := box.Picture(c.crm, id)
				w.must(err)
				switch {
				case kept[n] != nil && !bytes.Equal(got, kept[n]):
					t.Errorf("person %d: the CRM's own picture was replaced", n)
				case n >= 5 && len(got) == 0:
					t.Errorf("person %d has no picture in the CRM", n)
				case n < 5 && n != 1 && len(got) > 0:
					t.Errorf("person %d has a picture in the CRM, from nowhere", n)
				}
				if w.sys[1] == system.Microsoft && n < 5 {
					there, err := w.boxes.Microsoft.Photo(c.book, book)
					w.must(err)
					if len(there) > 0 {
						t.Errorf("person %d: the picture went to the book", n)
					}
				}
			}
			if got := c.photos(); got != 9 {
				t.Errorf("got %d pictures given, want 9", got)
			}
			c.quiet()
			if got := c.photos(); got != 9 {
				t.Errorf("got %d pictures given after a quiet run, want 9", got)
			}

			// One that Pipedrive does not take.
			id, book := c.ids(3)
			box.Faults().Add(sandbox.Fault{Method: "POST", Path: "/picture", Times: -1, Status: http.StatusBadRequest, Body: `{"success":false,"error":"Unsupported image format","error_info":"","data":null,"additional_data":null}`})
			c.setPhoto(book, picture(t, 200))
			c.editBook(book, record.NameGiven, "Pictured") // Microsoft tells nothing of pictures until a contact changes otherwise
			c.sync()
			w.live(2 * time.Hour)
			s := c.byID(id)
			if s.State != "active" || s.Code != "photo_refused" || s.Reason == "" {
				t.Errorf("got %+v, want a record in sync that says that its picture was refused", s)
			}
			if n := box.Faults().Calls()["POST /api/v1/persons/{id}/picture"]; n > 12 {
				t.Errorf("got %d uploads, want the refused one once", n)
			}
			c.editCRM(id, record.OrgTitle, "Edited all the same")
			c.sync()
			c.wantBook(book, record.OrgTitle, "Edited all the same")
			box.Faults().Clear()
			c.setPhoto(book, picture(t, 201)) // another picture is another try
			c.editBook(book, record.NameGiven, "Picturedagain")
			c.sync()
			w.live(time.Hour)
			if s := c.byID(id); s.Code != "" {
				t.Errorf("got %+v, want nothing to say any more", s)
			}
			c.agree(15)
		})
	}
}

// TestAUserWhoMayNotAddPeopleOrCompaniesIsToldAtTheFirstWrite (PD2): Pipedrive has no flag for it beforehand.
func TestAUserWhoMayNotAddPeopleOrCompaniesIsToldAtTheFirstWrite(t *testing.T) {
	for permission, says := range map[string]string{"add_people": "add people", "add_organizations": "add organizations"} {
		for _, pair := range []string{pipedriveMicrosoft, pipedriveGoogle} {
			t.Run(pair+" "+permission, func(t *testing.T) {
				t.Parallel()
				w := open(t, options{pair: pair})
				c := w.company("morita", nil)
				w.must(w.boxes.Pipedrive.SetPermission(c.crm, permission, false))
				c.fillCRM(people(0, 5))
				in := people(10, 3)
				for i := range in {
					in[i].Fields[record.OrgName] = []record.Value{{Text: "Kabushiki Trading"}}
				}
				mine := c.fillBook(in)
				c.first()
				w.pass(30 * time.Minute)
				c.wantState("active")
				if n := len(c.bookBook()); n != 8 {
					t.Errorf("got %d contacts in the book, want 8: what goes there is not concerned", n)
				}
				for _, id := range mine {
					s := c.byID(id)
					if s.Code != "forbidden" && permission == "add_people" || !strings.Contains(s.Detail+s.Reason, says) || !strings.Contains(s.Reason, "dministrator") {
						t.Errorf("got %+v, want one that says what is not allowed and whom to ask", s)
					}
				}
				before := w.boxes.Pipedrive.Faults().Calls()["POST /api/v2/persons"]
				w.pass(3 * time.Hour)
				if n := w.boxes.Pipedrive.Faults().Calls()["POST /api/v2/persons"] - before; n > 9 {
					t.Errorf("got %d tries in three hours, want next to none", n)
				}
				// Once an administrator has allowed it, they travel.
				w.must(w.boxes.Pipedrive.SetPermission(c.crm, permission, true))
				w.pass(26 * time.Hour)
				c.agree(8)
				c.quiet()
			})
		}
	}
}
