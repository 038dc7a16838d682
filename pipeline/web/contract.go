package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"deixis/pipeline/web/guard"
)

// maxBody is how many bytes the body of a request may have.
const maxBody = 16 << 10

// sound is the one kind of body that is no JSON.
const sound = "audio/wav"

// An operation is what openapi.yaml says of one route.
type operation struct {
	route   *routers.Route
	kind    string // of its body, as application/json; "" for none
	example string // of its body
}

// operations are those of openapi.yaml, by method and path.
var operations = sync.OnceValues(func() (map[string]operation, error) {
	doc, err := openapi3.NewLoader().LoadFromData(openapi)
	if err != nil {
		return nil, fmt.Errorf("read openapi.yaml: %w", err)
	}
	all := map[string]operation{}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			o := operation{route: &routers.Route{Spec: doc, Path: path, PathItem: item, Method: method, Operation: op}}
			if op.RequestBody != nil {
				o.kind, o.example = bodyOf(op.RequestBody.Value)
			}
			all[method+" "+path] = o
		}
	}
	return all, nil
})

// bodyOf is the kind of a body and an example of it.
func bodyOf(b *openapi3.RequestBody) (kind, example string) {
	for _, kind = range slices.Sorted(maps.Keys(b.Content)) {
		if like, err := json.Marshal(b.Content[kind].Example); err == nil {
			example = string(like)
		}
	}
	return kind, example
}

// described lets a request through to next that is as openapi.yaml says and has
// come whole. Sound is left to next to read.
func (s *Server) described(o operation, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !utf8.ValidString(r.URL.Path) {
			guard.Refuse(w, http.StatusBadRequest, "%s %q: the escapes of the address are no UTF-8", r.Method, r.URL.Path)
			return
		}
		if o.kind != "" && !isKind(r, o.kind) {
			s.guard.Dismiss(w, r, http.StatusUnsupportedMediaType, "send %s", o.like())
			return
		}
		if o.kind != sound {
			body, ok := s.read(w, r, maxBody, fmt.Sprintf("a request has at most %d bytes", maxBody))
			if !ok || o.kind != "" && !isJSON(w, body, o) {
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		if code, why := o.check(r); why != "" {
			guard.Refuse(w, code, "%s", why)
			return
		}
		next(w, r)
	}
}

// isKind says whether a request says that its body is of a kind.
func isKind(r *http.Request, kind string) bool {
	is, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return is == kind && (err == nil || errors.Is(err, mime.ErrInvalidMediaParameter))
}

// like says what to send.
func (o operation) like() string {
	if o.kind == sound {
		return "a WAV file (Content-Type: audio/wav), one channel of 16 bits at 16 kHz"
	}
	return fmt.Sprintf("JSON (Content-Type: %s) like %s", o.kind, o.example)
}

// read is the whole body of a request. When it is longer than most, or does not
// come, read answers so and is false.
func (s *Server) read(w http.ResponseWriter, r *http.Request, most int64, long string) (body []byte, ok bool) {
	var err error = &http.MaxBytesError{Limit: most}
	if r.ContentLength <= most {
		body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	}
	var longer *http.MaxBytesError
	switch {
	case errors.As(err, &longer):
		s.guard.Dismiss(w, r, http.StatusRequestEntityTooLarge, "that is too long: %s", long)
		return nil, false
	case err != nil:
		s.guard.Dismiss(w, r, http.StatusBadRequest, "the request did not arrive whole: %v", err)
		return nil, false
	}
	// Nothing more is expected of the client: the deadline of reading must not
	// look as if it had left.
	http.NewResponseController(w).SetReadDeadline(time.Time{})
	return body, s.guard.Settle(r)
}

// isJSON says whether a body is one value of JSON, or answers that it is not.
func isJSON(w http.ResponseWriter, body []byte, o operation) bool {
	var v any
	err := json.Unmarshal(body, &v)
	if err == nil && !utf8.Valid(body) {
		err = errors.New("it is no UTF-8")
	}
	if err != nil {
		guard.Refuse(w, http.StatusBadRequest, "not JSON like %s: %v", o.example, err)
	}
	return err == nil
}

// check holds a request against openapi.yaml, and says what is not as described;
// "" when all is.
func (o operation) check(r *http.Request) (code int, why string) {
	in := &openapi3filter.RequestValidationInput{
		Request: r, Route: o.route, PathParams: map[string]string{},
		Options: &openapi3filter.Options{
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, SkipSettingDefaults: true, ExcludeRequestBody: o.kind == sound,
		},
	}
	for _, p := range o.route.PathItem.Parameters {
		in.PathParams[p.Value.Name] = r.PathValue(p.Value.Name)
	}
	err := openapi3filter.ValidateRequest(context.WithoutCancel(r.Context()), in)
	if err == nil {
		return 0, ""
	}
	reason := oneLine(err.Error())
	var schema *openapi3.SchemaError
	if errors.As(err, &schema) {
		reason = oneLine(schema.Reason)
		if at := strings.Join(schema.JSONPointer(), "/"); at != "" {
			reason = at + ": " + reason
		}
	}
	var request *openapi3filter.RequestError
	if errors.As(err, &request) && request.Parameter != nil {
		return http.StatusBadRequest, fmt.Sprintf("%s=%s: %s, not %s", request.Parameter.Name, r.URL.Query().Get(request.Parameter.Name), reason, request.Parameter.Schema.Value.Type.Slice())
	}
	return http.StatusUnprocessableEntity, fmt.Sprintf("not like %s: %s", o.example, reason)
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// take reads the JSON body of a request that is as described into v, or answers
// that a number of it is too large.
func take(w http.ResponseWriter, r *http.Request, v any) bool {
	err := json.NewDecoder(r.Body).Decode(v)
	if err != nil {
		guard.Refuse(w, http.StatusUnprocessableEntity, "a value cannot be taken: %s", oneLine(err.Error()))
	}
	return err == nil
}
