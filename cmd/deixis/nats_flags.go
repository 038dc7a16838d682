package main

import (
	"errors"
	"fmt"
	"log/slog"

	"deixis/camera"
	"deixis/cmd/deixis/internal/app"
	"deixis/pipeline/natsconn"
)

// natsFlags say who asks a NATS server, wherever one is named.
type natsFlags struct {
	Creds    string `name:"nats-creds" placeholder:"FILE" help:"Credentials file of the NATS server."`
	User     string `name:"nats-user" placeholder:"USER" help:"User of the NATS server."`
	Password string `name:"nats-password-file" placeholder:"FILE" help:"File with the password (or DEIXIS_NATS_PASSWORD)."`
	CA       string `name:"nats-ca" placeholder:"FILE.pem" help:"Certificates that the NATS server's is checked with (default: the system's)."`
	Cert     string `name:"nats-cert" placeholder:"FILE.pem" help:"Certificate to show the NATS server; needs --nats-key."`
	Key      string `name:"nats-key" placeholder:"FILE.pem" help:"Key of the certificate."`
}

// natsPasswordEnv names the variable with the password of the NATS server.
const natsPasswordEnv = "DEIXIS_NATS_PASSWORD"

// given says whether any of them is.
func (f natsFlags) given() bool { return f != natsFlags{} }

// named says whether the server is told who asks.
func (f natsFlags) named() bool { return f.Creds != "" || f.User != "" || f.Cert != "" }

// at are the options of a server. Files that cannot be read are told by their flag.
func (f natsFlags) at(url string, log *slog.Logger) (natsconn.Options, error) {
	o := natsconn.Options{URL: url, Credentials: f.Creds, User: f.User, CA: f.CA, Cert: f.Cert, Key: f.Key, Log: log}
	if (f.Cert == "") != (f.Key == "") {
		return o, app.Usage(errors.New("--nats-cert and --nats-key go together: give both, or neither"))
	}
	var err error
	if o.Password, err = secret("--nats-password-file", f.Password, natsPasswordEnv); err != nil {
		return o, err
	}
	for flag, file := range map[string]string{"--nats-creds": f.Creds, "--nats-ca": f.CA, "--nats-cert": f.Cert, "--nats-key": f.Key} {
		if file == "" {
			continue
		}
		opened, err := camera.OpenRegular(file)
		if err != nil {
			return o, app.Input(fmt.Errorf("%s: %w", flag, err))
		}
		opened.Close()
	}
	return o, nil
}
