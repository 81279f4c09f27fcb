package main

import (
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"meibo/shared/profile"
	"meibo/shared/system"
	"meibo/shared/webhook/webhooktest"
)

func TestEvents(t *testing.T) {
	pipedrive := func(t *testing.T) *webhooktest.Bench {
		return webhooktest.New(t, system.Pipedrive, "123456789012345603", "99231", profile.CRM)
	}
	zoho := func(t *testing.T) *webhooktest.Bench {
		return webhooktest.New(t, system.Zoho, "123456789012345604", "123456789012345604", profile.CRM)
	}
	hubspot := func(t *testing.T) *webhooktest.Bench {
		return webhooktest.NewShared(t, system.HubSpot, "123456789012345605", "6213544", profile.CRM)
	}
	for name, c := range map[string]struct {
		bench       func(*testing.T) *webhooktest.Bench
		file, inbox string
	}{
		"a change in Pipedrive":                               {pipedrive, "crmhook.json", "crm 4101 changed"},
		"a deletion in Pipedrive":                             {pipedrive, "crmhook-delete.json", "crm 4103 deleted"},
		"a merge in Pipedrive":                                {pipedrive, "crmhook-merge.json", "crm 4102 deleted\ncrm 4101 changed"},
		"changes in HubSpot, at the address for all accounts": {hubspot, "crmhook-hubspot.json", "crm 713492963559 changed\ncrm 713807329484 deleted"},
		"a change in Zoho CRM":                                {zoho, "crmhook-zoho.json", "crm 5843201000000462007 changed\ncrm 5843201000000462055 changed"},
	} {
		t.Run(name+" asks for one run and leaves hints", func(t *testing.T) {
			b := c.bench(t)
			h := b.Hooks(system.Pipedrive, system.Zoho, system.HubSpot)
			for range 2 { // it comes again
				if res := b.Replay(h, c.file, nil); res.StatusCode != 202 || res.Body != "" {
					t.Fatalf("got %+v", res)
				}
			}
			if got := b.Asked(); got != 1 {
				t.Errorf("got %d asks, want 1", got)
			}
			if got := b.Inbox(); got != c.inbox {
				t.Errorf("got %q, want %q", got, c.inbox)
			}
		})
	}
	t.Run("what is forged is refused and changes nothing", func(t *testing.T) {
		b := pipedrive(t)
		basic := func(e *events.APIGatewayV2HTTPRequest) {
			e.Headers["authorization"] = "Basic MTIzNDU2Nzg5MDEyMzQ1NjAzOndyb25n"
		}
		if res := b.Replay(b.Hooks(system.Pipedrive), "crmhook.json", basic); res.StatusCode != 403 || b.Asked() != 0 || b.Inbox() != "" {
			t.Errorf("got %+v", res)
		}
		b = hubspot(t)
		unsigned := func(e *events.APIGatewayV2HTTPRequest) {
			e.Body = strings.Replace(e.Body, "713492963559", "713492963560", 1)
		}
		if res := b.Replay(b.Hooks(system.HubSpot), "crmhook-hubspot.json", unsigned); res.StatusCode != 403 || b.Asked() != 0 || b.Inbox() != "" {
			t.Errorf("got %+v", res)
		}
		b = zoho(t)
		if res := b.Replay(b.Hooks(system.Zoho), "crmhook-zoho.json", webhooktest.Forge); res.StatusCode != 403 || b.Asked() != 0 || b.Inbox() != "" {
			t.Errorf("got %+v", res)
		}
	})
}
