package guard

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strings"
)

// Cookie is the name of the cookie that keeps a browser logged in.
const Cookie = "deixis"

// trusts says whether a request brings the token, or needs none.
func (g *Guard) trusts(r *http.Request) bool {
	return g.o.Token == "" || g.brings(r) || g.bears(r) || g.remembers(r)
}

// brings says whether the token is in the address.
func (g *Guard) brings(r *http.Request) bool {
	return g.o.Token != "" && same(r.URL.Query().Get("token"), g.o.Token)
}

// bears says whether the token is in the Authorization header.
func (g *Guard) bears(r *http.Request) bool {
	scheme, given, _ := strings.Cut(strings.TrimSpace(r.Header.Get("Authorization")), " ")
	return strings.EqualFold(scheme, "Bearer") && same(strings.TrimSpace(given), strings.TrimSpace(g.o.Token))
}

// remembers says whether a cookie stands for the token.
func (g *Guard) remembers(r *http.Request) bool {
	want := g.cookieValue()
	for _, c := range r.CookiesNamed(Cookie) {
		if same(c.Value, want) {
			return true
		}
	}
	return false
}

// cookieValue stands for the token in a cookie. It is a digest in letters that
// every cookie may have: a token may hold others, and nobody reads it from the
// browser's files.
func (g *Guard) cookieValue() string {
	digest := sha256.Sum256([]byte("deixis cookie\x00" + g.o.Token))
	return base64.RawURLEncoding.EncodeToString(digest[:])
}

// login gives a browser that brought the token in the address of the page a
// cookie, and the address without it.
func (g *Guard) login(w http.ResponseWriter) {
	http.SetCookie(w, &http.Cookie{
		Name: Cookie, Value: g.cookieValue(), Path: g.o.Base, HttpOnly: true, Secure: g.o.Secure, SameSite: http.SameSiteStrictMode,
	})
	w.Header().Set("Location", g.o.Base)
	w.WriteHeader(http.StatusSeeOther)
}

// same compares in a time that says nothing of either.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
