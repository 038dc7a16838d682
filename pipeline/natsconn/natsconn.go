// Package natsconn connects to a NATS server in the way that everything here does it:
// credentials, TLS, and losses of the connection, which are mended without end.
package natsconn

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/nats-io/nats.go"

	"deixis/camera"
)

// Options say where the server is, and who asks.
type Options struct {
	URL            string // nats://, tls:// or ws://; several of a cluster are separated by commas
	Credentials    string // file, as nsc writes it; "" for none
	User, Password string
	CA, Cert, Key  string       // files of TLS, PEM; "" for the system's, and for none
	Log            *slog.Logger // nil means slog.Default()
}

// Where is the server's address without what is secret in it.
func (o Options) Where() string { return camera.Redacted(o.URL) }

// Connect connects; a server that is not there is an error. Later losses are logged and
// mended. More options count more than those that are made of o.
func Connect(o Options, more ...nats.Option) (*nats.Conn, error) {
	log := cmp.Or(o.Log, slog.Default())
	all := []nats.Option{
		nats.Name("deixis"), nats.Timeout(5 * time.Second), nats.MaxReconnects(-1), nats.ReconnectWait(500 * time.Millisecond),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("the NATS server is away, trying again", "server", o.Where(), "why", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { log.Info("the NATS server is back", "server", o.Where()) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { log.Debug("nats", "err", err) }),
	}
	if o.Credentials != "" {
		all = append(all, nats.UserCredentials(o.Credentials))
	}
	if o.User != "" {
		all = append(all, nats.UserInfo(o.User, o.Password))
	}
	if o.CA != "" {
		all = append(all, nats.RootCAs(o.CA))
	}
	if o.Cert != "" || o.Key != "" {
		all = append(all, nats.ClientCert(o.Cert, o.Key))
	}
	nc, err := nats.Connect(o.URL, append(all, more...)...)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", o.Where(), said(err))
	}
	return nc, nil
}

// said is what an error of connecting means, and what to do.
func said(err error) error {
	var address *url.Error // which says all of it
	switch {
	case errors.As(err, &address):
		return fmt.Errorf("that is no address of a server: %w", address.Err)
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked):
		return fmt.Errorf("%w (check --nats-user and --nats-password-file, or --nats-creds)", err)
	case errors.Is(err, nats.ErrNoServers):
		return fmt.Errorf("%w (is nats-server running there?)", err)
	}
	return err
}
