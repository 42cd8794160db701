package registry_test

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"testing"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeptest"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

func TestLogoIsShownByItsDigest(t *testing.T) {
	inOffice(t, func(t *testing.T, o office) {
		id := o.create(t, "u1", o.w1, anApp()).GetApp().GetClientId()
		set := func(image []byte) (string, error) {
			resp, err := o.developer.SetAppLogo(t.Context(), &registryv1.SetAppLogoRequest{Sub: "u1", ClientId: id, Image: image})
			return resp.GetApp().GetLogoDigest(), err
		}
		digest, err := set(aLogo(t, 8))
		if err != nil || digest == "" {
			t.Fatalf("SetAppLogo() = %q, %v", digest, err)
		}
		if _, err := set([]byte("<svg/>")); !errors.Is(err, fault.Invalid) {
			t.Errorf("SetAppLogo(SVG) = %v, want %v", err, fault.Invalid)
		}
		show := func() (image.Image, error) {
			got, err := o.gateway.GetLogo(t.Context(), &registryv1.GetLogoRequest{LogoDigest: digest})
			if err != nil {
				return nil, err
			}
			return png.Decode(bytes.NewReader(got.GetPng()))
		}
		if img, err := show(); err != nil || img.Bounds().Dx() != 8 {
			t.Errorf("GetLogo() = %v, %v", img, err)
		}
		if removed, err := set(nil); err != nil || removed != "" {
			t.Errorf("SetAppLogo(none) = %q, %v", removed, err)
		}
		if _, err := sweeptest.All(t.Context(), o.service.Sweeps()...); err != nil {
			t.Fatalf("Sweep() = %v", err)
		}
		if _, err := show(); !errors.Is(err, fault.NotFound) {
			t.Errorf("GetLogo() of what is gone = %v, want %v", err, fault.NotFound)
		}
	})
}

func TestDirectoryOfAppsHasPublicOnesOnly(t *testing.T) {
	inOffice(t, func(t *testing.T, o office) {
		for _, visibility := range []string{"public", "unlisted", "internal"} {
			app := anApp()
			app.ClientName, app.Visibility = "Is "+visibility, visibility
			o.create(t, "u1", o.w1, app)
		}
		for query, want := range map[string]int{"": 1, "is PUBLIC": 1, "unlisted": 0, "internal": 0, "what it does": 1, "%": 0} {
			list, err := o.gateway.ListPublicClients(t.Context(), &registryv1.ListPublicClientsRequest{Query: query})
			if err != nil || len(list.GetClients()) != want || list.GetNextPageToken() != "" {
				t.Errorf("ListPublicClients(%q) = %v, %v, want %d", query, list, err, want)
			}
		}
	})
}

func TestN217_PagesOfPublicClientsAreBounded(t *testing.T) {
	o := newOffice(t, sqliteStores(t))
	o.create(t, "u1", o.w1, anApp())
	o.create(t, "u1", o.w1, anApp())
	for _, tt := range []struct {
		size int32
		want error
	}{{-1, fault.Invalid}, {0, nil}, {1, nil}, {1000, nil}, {1001, fault.Invalid}, {1 << 30, fault.Invalid}} {
		_, err := o.gateway.ListPublicClients(t.Context(), &registryv1.ListPublicClientsRequest{PageSize: tt.size})
		if !errors.Is(err, tt.want) {
			t.Errorf("ListPublicClients(%d) = %v, want %v", tt.size, err, tt.want)
		}
	}
	first, err := o.gateway.ListPublicClients(t.Context(), &registryv1.ListPublicClientsRequest{PageSize: 1, Query: "example"})
	if err != nil || first.GetNextPageToken() == "" {
		t.Fatalf("ListPublicClients() = %v, %v", first, err)
	}
	for query, want := range map[string]error{"example": nil, "": fault.Invalid, "what": fault.Invalid} {
		_, err := o.gateway.ListPublicClients(t.Context(), &registryv1.ListPublicClientsRequest{
			PageSize: 1, Query: query, PageToken: first.GetNextPageToken(),
		})
		if !errors.Is(err, want) {
			t.Errorf("ListPublicClients(%q, token) = %v, want %v", query, err, want)
		}
	}
}
