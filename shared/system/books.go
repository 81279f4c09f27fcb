package system

import (
	"context"
	"net/http"

	"meibo/shared/connector"
	"meibo/shared/connector/dynamics"
	"meibo/shared/connector/google"
	"meibo/shared/connector/graph"
	"meibo/shared/profile"
	"meibo/shared/tenancy"
)

// The address books.

func googleContacts(c Config) System {
	s := build(Google, google.System, profile.Book,
		func(ctx context.Context, hc *http.Client, _ tenancy.Account, _ map[string]string) (connector.Connector, error) {
			return google.New(ctx, google.Config{
				Client: hc, BaseURL: c.Endpoints.Google.API, UserinfoURL: c.Endpoints.Google.Userinfo,
				Clock: c.Clock, Limits: c.limits(Google, google.DefaultLimits), Patience: c.Patience, Visibility: c.Visibility[Google],
				Pictures: c.Pictures,
			})
		})
	s.Provider = google.Provider{Endpoints: c.Endpoints.Google.Endpoints, Clock: c.Clock}
	s.Hook = google.ReadHook
	return s
}

func microsoft365(c Config) System {
	s := build(Microsoft, graph.System, profile.Book,
		func(_ context.Context, hc *http.Client, _ tenancy.Account, extra map[string]string) (connector.Connector, error) {
			return graph.New(graph.Config{
				Client: hc, BaseURL: c.Endpoints.Microsoft.API, Extra: extra,
				Clock: c.Clock, Limits: c.limits(Microsoft, graph.DefaultLimits), Patience: c.Patience, Visibility: c.Visibility[Microsoft],
			})
		})
	s.Provider = graph.Provider{Endpoints: graph.Endpoints{Authority: c.Endpoints.Microsoft.Authority}, Clock: c.Clock}
	s.Hook, s.HookLenient = graph.ReadHook, true
	return s
}

func dynamics365(c Config) System {
	at := c.Endpoints.Dynamics
	s := build(Dynamics, dynamics.System, profile.Book,
		func(_ context.Context, hc *http.Client, _ tenancy.Account, extra map[string]string) (connector.Connector, error) {
			return dynamics.New(dynamics.Config{
				Client: hc, Site: extra[dynamics.ExtraSite], BaseURL: at.API,
				Clock: c.Clock, Limits: c.limits(Dynamics, dynamics.DefaultLimits), Patience: c.Patience, Visibility: c.Visibility[Dynamics],
			})
		})
	s.Provider = dynamics.Provider{Endpoints: dynamics.Endpoints{Authority: at.Authority}, Clock: c.Clock}
	return s
}
