package rosbridge

import (
	"crypto/rand"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"net"
	"time"
)

// auth is the operation of that name: rosauth checks its MAC.
type auth struct {
	Op     string `json:"op"`
	MAC    string `json:"mac"`
	Client string `json:"client"` // address of this side
	Dest   string `json:"dest"`   // address of the server
	Rand   string `json:"rand"`
	T      int64  `json:"t"` // now, seconds since 1970; the server's clock must agree within 5 s
	Level  string `json:"level"`
	End    int64  `json:"end"`
}

// session is for how long a connection asks to be let in.
const session = 24 * time.Hour

// newAuth signs with the secret as rosauth's ros_mac_authentication does: SHA-512 over all fields in
// a row.
func newAuth(secret string, local, remote net.Addr, now time.Time) auth {
	a := auth{Op: "auth", Client: host(local), Dest: host(remote), Rand: rand.Text(), T: now.Unix(), Level: "user", End: now.Add(session).Unix()}
	sum := sha512.Sum512([]byte(fmt.Sprint(secret+a.Client+a.Dest+a.Rand, a.T, a.Level, a.End)))
	a.MAC = hex.EncodeToString(sum[:])
	return a
}

func host(a net.Addr) string {
	if a == nil {
		return ""
	}
	h, _, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	return h
}
