package sdktest_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	kiota "github.com/microsoft/kiota-abstractions-go"
	auth "github.com/microsoft/kiota-abstractions-go/authentication"
	kiotahttp "github.com/microsoft/kiota-http-go"
	kiotajson "github.com/microsoft/kiota-serialization-json-go"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/models/odataerrors"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"meibo/shared/clock"
	"meibo/shared/sandbox"
	"meibo/shared/sandbox/graph"
)

const aiko = "aiko@contoso.example"

type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}

// newMailbox returns Microsoft's builder for the mailbox of a sandbox's one user, and the adapter that it sends with.
func newMailbox(t *testing.T) (*users.UserItemRequestBuilder, *kiotahttp.NetHttpRequestAdapter) {
	t.Helper()
	box, err := graph.New(graph.Config{Clock: clock.NewVirtual(time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC), true), Client: sandbox.Client{ID: "c", Secret: "s"}, Seed: 1})
	must(t, err)
	t.Cleanup(box.Close)
	must(t, box.AddUser(graph.User{Email: aiko, Name: "Aiko Tanaka"}))
	access, _, err := box.Authorize(aiko, "Contacts.ReadWrite", "User.Read")
	must(t, err)
	srv := httptest.NewServer(box)
	t.Cleanup(srv.Close)
	adapter, err := kiotahttp.NewNetHttpRequestAdapterWithParseNodeFactoryAndSerializationWriterFactoryAndHttpClient(
		&auth.AnonymousAuthenticationProvider{}, kiotajson.NewJsonParseNodeFactory(), kiotajson.NewJsonSerializationWriterFactory(), &http.Client{Transport: bearer(access)})
	must(t, err)
	adapter.SetBaseUrl(srv.URL + "/v1.0")
	return users.NewUsersRequestBuilderInternal(map[string]string{"baseurl": adapter.GetBaseUrl()}, adapter).ByUserId(aiko), adapter
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func ptr[T any](v T) *T { return &v }

// contact is one whose name begins with given.
func contact(given string) models.Contactable {
	c := models.NewContact()
	c.SetGivenName(ptr(given))
	c.SetSurname(ptr("Brandt"))
	mail := models.NewEmailAddress()
	mail.SetAddress(ptr("mila@example.com"))
	c.SetEmailAddresses([]models.EmailAddressable{mail})
	c.SetBirthday(ptr(time.Date(1984, 3, 9, 0, 0, 0, 0, time.UTC)))
	return c
}

func TestMicrosoftsGoClientWorks(t *testing.T) {
	ctx := context.Background()
	mailbox, adapter := newMailbox(t)
	me, err := mailbox.Get(ctx, nil)
	must(t, err)
	if *me.GetUserPrincipalName() != aiko {
		t.Fatalf("got %s", *me.GetUserPrincipalName())
	}
	wanted := models.NewContactFolder()
	wanted.SetDisplayName(ptr("CRM"))
	folder, err := mailbox.ContactFolders().Post(ctx, wanted, nil)
	must(t, err)
	in := mailbox.ContactFolders().ByContactFolderId(*folder.GetId())

	made, err := in.Contacts().Post(ctx, contact("Mila"), nil)
	must(t, err)
	if *made.GetDisplayName() != "Mila Brandt" || made.GetBirthday().Format(time.DateOnly) != "1984-03-09" || *made.GetEmailAddresses()[0].GetAddress() != "mila@example.com" {
		t.Errorf("got %s, %v, %v", *made.GetDisplayName(), made.GetBirthday(), made.GetEmailAddresses())
	}
	change := models.NewContact()
	change.SetJobTitle(ptr("Buyer"))
	changed, err := mailbox.Contacts().ByContactId(*made.GetId()).Patch(ctx, change, nil)
	must(t, err)
	if *changed.GetJobTitle() != "Buyer" || *changed.GetGivenName() != "Mila" || *changed.GetChangeKey() == *made.GetChangeKey() {
		t.Errorf("got %s %s", *changed.GetJobTitle(), *changed.GetGivenName())
	}

	t.Run("delta pages to its end and tells of a deletion", func(t *testing.T) {
		for range 12 {
			_, err := in.Contacts().Post(ctx, contact("More"), nil)
			must(t, err)
		}
		builder := in.Contacts().Delta()
		seen, link := 0, ""
		for page := 0; link == ""; page++ {
			res, err := builder.GetAsDeltaGetResponse(ctx, nil)
			must(t, err)
			seen += len(res.GetValue())
			if next := res.GetOdataNextLink(); next != nil {
				builder = users.NewItemContactFoldersItemContactsDeltaRequestBuilder(*next, adapter)
				continue
			}
			link = *res.GetOdataDeltaLink()
		}
		if seen != 13 {
			t.Errorf("got %d contacts, want 13", seen)
		}
		must(t, mailbox.Contacts().ByContactId(*made.GetId()).Delete(ctx, nil))
		res, err := users.NewItemContactFoldersItemContactsDeltaRequestBuilder(link, adapter).GetAsDeltaGetResponse(ctx, nil)
		must(t, err)
		if len(res.GetValue()) != 1 || *res.GetValue()[0].GetId() != *made.GetId() || res.GetValue()[0].GetAdditionalData()["@removed"] == nil {
			t.Errorf("got %v", res.GetValue())
		}
	})
	t.Run("a refusal is the client's own error", func(t *testing.T) {
		bad := contact("X")
		bad.SetBusinessPhones([]string{"1", "2", "3"})
		_, err := in.Contacts().Post(ctx, bad, nil)
		var refused *odataerrors.ODataError
		if !errors.As(err, &refused) || *refused.GetErrorEscaped().GetCode() != "ErrorInvalidProperty" || refused.ResponseStatusCode != 400 {
			t.Errorf("got %v", err)
		}
	})
	t.Run("If-Match", func(t *testing.T) {
		one, err := in.Contacts().Post(ctx, contact("Y"), nil)
		must(t, err)
		headers := kiota.NewRequestHeaders()
		headers.Add("If-Match", `W/"old"`)
		_, err = mailbox.Contacts().ByContactId(*one.GetId()).Patch(ctx, change, &users.ItemContactsContactItemRequestBuilderPatchRequestConfiguration{Headers: headers})
		var refused *odataerrors.ODataError
		if !errors.As(err, &refused) || refused.ResponseStatusCode != 412 {
			t.Errorf("got %v", err)
		}
	})
}
