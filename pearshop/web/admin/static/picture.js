// An image that was chosen, or dropped on its field, is shown before it is sent.

/** Wire each file field with data-preview, the id of an img. */
export function picture() {
  for (const input of document.querySelectorAll("input[data-preview]")) {
    const image = document.getElementById(input.dataset.preview);
    input.addEventListener("change", () => {
      URL.revokeObjectURL(image.src);
      image.hidden = !input.files.length;
      if (input.files.length) image.src = URL.createObjectURL(input.files[0]);
    });
  }
}
