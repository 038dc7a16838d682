package camera

import (
	"regexp"
	"strings"
)

// hidden stands where a secret was, as url.URL.Redacted writes it.
const hidden = "xxxxx"

// plain are the settings of a camera's address that are no secret, in lower case,
// and what their values look like. Cameras name passwords in too many ways to
// list those: what is not listed here is hidden.
var (
	plain = map[string]bool{
		"channel": true, "ch": true, "chn": true, "camera": true, "cam": true, "stream": true, "subtype": true, "trackid": true,
		"profile": true, "resolution": true, "width": true, "height": true, "fps": true, "framerate": true, "quality": true,
		"codec": true, "videocodec": true, "compression": true, "overlay": true, "transport": true, "unicast": true, "proto": true,
	}
	plainValue = regexp.MustCompile(`^[A-Za-z0-9._,-]{0,16}$`)
)

// password is what follows the user in an address: up to the last @ of its part.
var password = regexp.MustCompile(`([^/?#@:\s"']+):[^/?#\s"']*@`)

// secretName are the names of settings that are secrets anywhere, in a file's name
// even, which may be an address that was mistyped.
var secretName = regexp.MustCompile(`(?i)pass|pwd|token|secret|auth|key`)

// Redacted is the name of a source, or what was meant as one, without what may be
// a secret in it: the password of user:password@, and in an address the value of
// each setting in its path, query or fragment (?token=…, /user=…&password=…) that
// is not known to be none.
func Redacted(source string) string {
	source = password.ReplaceAllString(source, "${1}:"+hidden+"@")
	isAddress := strings.Contains(source, "://")
	path, query, asks := strings.Cut(source, "?")
	path, fragment, marks := strings.Cut(path, "#")
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if equals.MatchString(p) && (isAddress || secretName.MatchString(p)) { // it may hold a / itself: the rest of the path is settings
			parts = append(parts[:i], settings(strings.Join(parts[i:], "/"), isAddress, false))
			break
		}
	}
	text := strings.Join(parts, "/")
	if marks {
		text += "#" + settings(fragment, isAddress, isAddress)
	}
	if asks {
		text += "?" + settings(query, isAddress, isAddress)
	}
	return text
}

// equals is what follows a setting's name, in plain or escaped.
var equals = regexp.MustCompile(`(?i)=|%3d`)

// settings hides the values of name=value&name=value: all but the plain ones in an
// address, those with the name of a secret elsewhere. What has no name is a value where
// bare says so.
func settings(text string, isAddress, bare bool) string {
	all := strings.FieldsFunc(text, func(r rune) bool { return r == '&' || r == ';' })
	for i, one := range all {
		at := equals.FindStringIndex(one)
		if at == nil {
			if bare {
				all[i] = hidden
			}
			continue
		}
		name, value := one[:at[0]], one[at[1]:]
		isPlain := plain[strings.ToLower(name)] && plainValue.MatchString(value)
		if isAddress && !isPlain || secretName.MatchString(name) {
			all[i] = name + "=" + hidden
		}
	}
	return strings.Join(all, "&")
}

// address is one in a text.
var address = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^\s"'<>]+`)

// RedactAll is a text, such as an error of a library, with each address in it
// Redacted, and without the passwords of what was meant as one.
func RedactAll(text string) string {
	return address.ReplaceAllStringFunc(password.ReplaceAllString(text, "${1}:"+hidden+"@"), Redacted)
}
