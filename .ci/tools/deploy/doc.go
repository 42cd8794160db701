// Package deploy checks what operators start Chancery with: the chart, the
// compose file, the image, the units, the alerts and the dashboard. It is a
// module of its own, so that Kubernetes is no dependency of the product.
package deploy
