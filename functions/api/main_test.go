package main

import (
	"context"
	"encoding/json"
	"os"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"meibo/shared/authn"
	"meibo/shared/cloud"
	"meibo/shared/lambdahttp"
	"meibo/shared/local"
)

func TestEvent(t *testing.T) {
	b, err := os.ReadFile("../../events/api.json")
	if err != nil {
		t.Fatal(err)
	}
	var e events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(b, &e); err != nil {
		t.Fatal(err)
	}
	s, err := local.Open(local.Options{
		Folder: t.TempDir(), NoSync: true, Clients: local.SandboxClients(), PublicURL: "https://meibo.example", Authenticate: cloud.Authenticate,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	answer := lambdahttp.Handler(s.API())

	t.Run("the caller of the event lists their companies", func(t *testing.T) {
		p, err := authn.FromAPIGateway(e)
		if err != nil {
			t.Fatal(err)
		}
		made, _, err := s.Tenancy.CreateTenant(context.Background(), p, "北野製作所", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := answer(context.Background(), e)
		if err != nil || res.StatusCode != 200 {
			t.Fatalf("got %d %s, %v", res.StatusCode, res.Body, err)
		}
		var list struct {
			Items []struct{ Tenant struct{ ID string } }
		}
		if err := json.Unmarshal([]byte(res.Body), &list); err != nil || len(list.Items) != 1 || list.Items[0].Tenant.ID != made.ID {
			t.Errorf("got %s, %v, want the tenant %s", res.Body, err, made.ID)
		}
	})
	t.Run("without the authorizer's claims nobody is signed in", func(t *testing.T) {
		bare := e
		bare.RequestContext.Authorizer = nil
		res, err := answer(context.Background(), bare)
		if err != nil || res.StatusCode != 401 || res.Headers["Content-Type"] != "application/problem+json" {
			t.Errorf("got %d %v, %v", res.StatusCode, res.Headers, err)
		}
	})
}
