package system

import (
	"context"
	"net/http"

	"meibo/shared/connector"
	"meibo/shared/connector/hubspot"
	"meibo/shared/connector/pipedrive"
	"meibo/shared/connector/sansan"
	"meibo/shared/connector/zoho"
	"meibo/shared/profile"
	"meibo/shared/tenancy"
)

// The CRMs.

func pipedriveCRM(c Config) System {
	s := build(Pipedrive, pipedrive.System, profile.CRM,
		func(_ context.Context, hc *http.Client, _ tenancy.Account, extra map[string]string) (connector.Connector, error) {
			return pipedrive.New(pipedrive.Config{
				Client: hc, APIDomain: extra[pipedrive.ExtraAPIDomain],
				Clock: c.Clock, Limits: c.limits(Pipedrive, pipedrive.DefaultLimits), Patience: c.Patience,
			})
		})
	at := c.Endpoints.Pipedrive
	s.Provider = pipedrive.Provider{Endpoints: pipedrive.Endpoints{Auth: at.Auth}, Origins: at.Origins, Clock: c.Clock}
	s.Hook = pipedrive.ReadHook
	return s
}

func zohoCRM(c Config) System {
	s := build(Zoho, zoho.System, profile.CRM,
		func(_ context.Context, hc *http.Client, _ tenancy.Account, extra map[string]string) (connector.Connector, error) {
			return zoho.New(zoho.Config{Client: hc, APIDomain: extra[zoho.ExtraAPIDomain], Clock: c.Clock, Patience: c.Patience})
		})
	s.Provider = zoho.Provider{AccountsServer: c.Endpoints.Zoho.Accounts, Origins: c.Endpoints.Zoho.Origins, Clock: c.Clock}
	s.Hook = zoho.ReadHook
	return s
}

func sansanCards(c Config) System {
	s := build(Sansan, sansan.System, profile.CRM,
		func(_ context.Context, hc *http.Client, a tenancy.Account, _ map[string]string) (connector.Connector, error) {
			return sansan.New(sansan.Config{
				Client: hc, BaseURL: c.Endpoints.Sansan.API, CardURL: c.Endpoints.Sansan.CardURL, Owner: a.Identity.AccountID,
				Clock: c.Clock, Limits: c.limits(Sansan, sansan.DefaultLimits), Patience: c.Patience,
			})
		})
	key := sansan.Key()
	s.Key = &key
	return s
}

func hubSpotCRM(c Config) System {
	s := build(HubSpot, hubspot.System, profile.CRM,
		func(_ context.Context, hc *http.Client, _ tenancy.Account, extra map[string]string) (connector.Connector, error) {
			return hubspot.New(hubspot.Config{
				Client: hc, BaseURL: c.Endpoints.HubSpot.API, Extra: extra,
				Clock: c.Clock, Limits: c.limits(HubSpot, hubspot.DefaultLimits), Patience: c.Patience,
			})
		})
	at := c.Endpoints.HubSpot
	s.Provider = hubspot.Provider{Endpoints: hubspot.Endpoints{App: at.App, API: at.API}, Clock: c.Clock}
	s.SharedHook = hubspot.ReadSharedHook
	return s
}
