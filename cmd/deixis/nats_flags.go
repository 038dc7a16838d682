package main

import (
	"log/slog"

	"deixis/pipeline/natsconn"
)

// natsFlags say who asks a NATS server, wherever one is named.
type natsFlags struct {
	Creds    string `name:"nats-creds" placeholder:"FILE" help:"Credentials file of the NATS server."`
	User     string `name:"nats-user" placeholder:"NAME" help:"User of the NATS server."`
	Password string `name:"nats-password" placeholder:"WORD" help:"Password of the NATS server; better in DEIXIS_NATS_PASSWORD, which other users of this machine do not see."`
	CA       string `name:"nats-ca" placeholder:"FILE" help:"Certificates that the NATS server's is checked by, PEM."`
	Cert     string `name:"nats-cert" placeholder:"FILE" help:"Certificate of this program for the NATS server, PEM."`
	Key      string `name:"nats-key" placeholder:"FILE" help:"Its key, PEM."`
}

// at are the options of a server.
func (f natsFlags) at(url string, log *slog.Logger) natsconn.Options {
	return natsconn.Options{URL: url, Credentials: f.Creds, User: f.User, Password: f.Password, CA: f.CA, Cert: f.Cert, Key: f.Key, Log: log}
}
