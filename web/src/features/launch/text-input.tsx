import type { JSX } from 'solid-js';
import type { SetStoreFunction } from 'solid-js/store';
import type { FieldErrors } from '../../lib/user-errors.ts';
import { Field } from '../../ui/field.tsx';
import type { Field as FieldName, FormValues, TextField } from './form.ts';

/** What each part of the form works on. */
export interface FormState {
  readonly form: FormValues;
  readonly setForm: SetStoreFunction<FormValues>;
  errors(): FieldErrors<FieldName>;
}

interface TextInputProps extends FormState {
  readonly field: TextField;
  readonly label: string;
  readonly hint?: JSX.Element;
  readonly placeholder?: string;
  readonly list?: string;
}

export function TextInput(props: TextInputProps): JSX.Element {
  return (
    <Field label={props.label} hint={props.hint} error={props.errors()[props.field]}>
      {(attributes) => (
        <input
          {...attributes}
          class="control"
          autocomplete="off"
          list={props.list}
          placeholder={props.placeholder}
          value={props.form[props.field]}
          onInput={(event) => props.setForm(props.field, event.currentTarget.value)}
        />
      )}
    </Field>
  );
}
