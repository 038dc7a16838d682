package mqtt

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"
)

// An issuer signs certificates for one test.
type issuer struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
	n    int64
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{pool: x509.NewCertPool()}
	c := i.issue(t, true)
	i.key = c.PrivateKey.(*ecdsa.PrivateKey)
	var err error
	if i.cert, err = x509.ParseCertificate(c.Certificate[0]); err != nil {
		t.Fatal(err)
	}
	i.pool.AddCert(i.cert)
	return i
}

// issue makes a certificate, signed by itself where there is no issuer yet.
func (i *issuer) issue(t *testing.T, ca bool) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i.n++
	about := &x509.Certificate{
		SerialNumber: big.NewInt(i.n), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: ca, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	by, with := i.cert, i.key
	if by == nil {
		by, with = about, key
	}
	raw, err := x509.CreateCertificate(rand.Reader, about, by, &key.PublicKey, with)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}

func TestTLSAndClientCertificate(t *testing.T) {
	ours := newIssuer(t)
	s := serve(t, "127.0.0.1:0", nil, &tls.Config{
		Certificates: []tls.Certificate{ours.issue(t, false)}, ClientCAs: ours.pool, ClientAuth: tls.RequireAndVerifyClientCert,
	})
	for name, tt := range map[string]struct {
		conf *tls.Config
		good bool
		says string
	}{
		"both known":             {&tls.Config{RootCAs: ours.pool, Certificates: []tls.Certificate{ours.issue(t, false)}}, true, ""},
		"broker not trusted":     {&tls.Config{RootCAs: x509.NewCertPool()}, false, "certificate"},
		"no certificate":         {&tls.Config{RootCAs: ours.pool}, false, ""}, // how it is told depends on who is quicker
		"what the system trusts": {nil, false, "certificate"},
	} {
		c := open(t, Options{URL: "mqtts://" + s.addr, TLS: tt.conf})
		err := c.Send(t.Context(), parcel(1))
		if (err == nil) != tt.good || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
