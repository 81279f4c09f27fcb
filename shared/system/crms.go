package system

import (
	"context"
	"net/http"

	"meibo/shared/connector"
	"meibo/shared/connector/pipedrive"
	"meibo/shared/connector/zoho"
	"meibo/shared/profile"
	"meibo/shared/tenancy"
)

// The CRMs.

func pipedriveCRM(c Config) System {
	return build(Pipedrive, pipedrive.System, profile.CRM,
		pipedrive.Provider{Endpoints: pipedrive.Endpoints{Auth: c.Endpoints.Pipedrive.Auth}, Origins: c.Endpoints.Pipedrive.Origins, Clock: c.Clock},
		pipedrive.ReadHook,
		func(_ context.Context, hc *http.Client, _ tenancy.Account, extra map[string]string) (connector.Connector, error) {
			return pipedrive.New(pipedrive.Config{
				Client: hc, APIDomain: extra[pipedrive.ExtraAPIDomain],
				Clock: c.Clock, Limits: c.limits(Pipedrive, pipedrive.DefaultLimits), Patience: c.Patience,
			})
		})
}

func zohoCRM(c Config) System {
	return build(Zoho, zoho.System, profile.CRM,
		zoho.Provider{AccountsServer: c.Endpoints.Zoho.Accounts, Origins: c.Endpoints.Zoho.Origins, Clock: c.Clock}, zoho.ReadHook,
		func(_ context.Context, hc *http.Client, _ tenancy.Account, extra map[string]string) (connector.Connector, error) {
			return zoho.New(zoho.Config{Client: hc, APIDomain: extra[zoho.ExtraAPIDomain], Clock: c.Clock, Patience: c.Patience})
		})
}
