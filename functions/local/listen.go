package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

// shutdownTime is how long requests under way may take when the process is asked to stop.
const shutdownTime = 10 * time.Second

// listen opens addr. Unless public, it takes a loopback address only: nothing here is made to be reached from elsewhere.
func listen(addr string, public bool) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("the address %q is not host:port: %w", addr, err)
	}
	ip := net.ParseIP(host)
	if !public && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("the address %s can be reached from other machines: use 127.0.0.1, or --public with an issuer of your own", addr)
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%w: is another process using the port? choose another address", err)
	}
	return l, nil
}

// origin is the address of a listener for a browser on this machine.
func origin(l net.Listener) string { return "http://" + l.Addr().String() }

// site is a handler and where it is served.
type site struct {
	l net.Listener
	h http.Handler
}

// serveSites answers at all sites until ctx ends, and then until the requests under way have been answered.
func serveSites(ctx context.Context, sites ...site) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, s := range sites {
		srv := &http.Server{Handler: s.h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
		g.Go(func() error {
			if err := srv.Serve(s.l); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		})
		g.Go(func() error {
			<-ctx.Done()
			stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
			defer cancel()
			if err := srv.Shutdown(stop); err != nil {
				return srv.Close() // requests that do not end are cut
			}
			return nil
		})
	}
	return g.Wait()
}
