package system

import (
	"context"
	"net/http"

	"meibo/shared/connector"
	"meibo/shared/connector/google"
	"meibo/shared/connector/graph"
	"meibo/shared/profile"
	"meibo/shared/tenancy"
)

// The address books.

func googleContacts(c Config) System {
	return build(Google, google.System, profile.Book,
		google.Provider{Endpoints: c.Endpoints.Google.Endpoints, Clock: c.Clock}, google.ReadHook,
		func(ctx context.Context, hc *http.Client, _ tenancy.Account, _ map[string]string) (connector.Connector, error) {
			return google.New(ctx, google.Config{
				Client: hc, BaseURL: c.Endpoints.Google.API, UserinfoURL: c.Endpoints.Google.Userinfo,
				Clock: c.Clock, Limits: c.limits(Google, google.DefaultLimits), Patience: c.Patience, Visibility: c.Visibility[Google],
				Pictures: c.Pictures,
			})
		})
}

func microsoft365(c Config) System {
	s := build(Microsoft, graph.System, profile.Book,
		graph.Provider{Endpoints: graph.Endpoints{Authority: c.Endpoints.Microsoft.Authority}, Clock: c.Clock}, graph.ReadHook,
		func(_ context.Context, hc *http.Client, _ tenancy.Account, extra map[string]string) (connector.Connector, error) {
			return graph.New(graph.Config{
				Client: hc, BaseURL: c.Endpoints.Microsoft.API, Extra: extra,
				Clock: c.Clock, Limits: c.limits(Microsoft, graph.DefaultLimits), Patience: c.Patience, Visibility: c.Visibility[Microsoft],
			})
		})
	s.HookLenient = true
	return s
}
