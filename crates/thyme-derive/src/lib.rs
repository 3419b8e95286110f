#![doc = include_str!("../README.md")]
use proc_macro::TokenStream;
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Error, Field, Fields, Ident, LitStr, Result, Type, parse_macro_input};

/// Makes a struct the row of a dataset: implements `thyme_core::Record`, and `thyme_core::Value` so that it can be a nested column.
///
/// `#[dataset(name = "orders")]` on the struct names the dataset (default: the struct's name in snake case). On fields:
/// `#[dataset(key)]`, `#[dataset(timestamp)]`, `#[dataset(rename = "user-id")]`.
#[proc_macro_derive(Dataset, attributes(dataset))]
pub fn dataset(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand(&input).unwrap_or_else(Error::into_compile_error).into()
}

struct Column<'a> {
    ident: &'a Ident,
    ty: &'a Type,
    name: String,
    key: bool,
    timestamp: bool,
}

fn column(field: &Field) -> Result<Column<'_>> {
    let ident = field.ident.as_ref().ok_or_else(|| Error::new_spanned(field, "a dataset needs named fields"))?;
    let mut column = Column { ident, ty: &field.ty, name: ident.unraw().to_string(), key: false, timestamp: false };
    for attr in field.attrs.iter().filter(|attr| attr.path().is_ident("dataset")) {
        attr.parse_nested_meta(|meta| {
            if meta.path.is_ident("key") {
                column.key = true;
            } else if meta.path.is_ident("timestamp") {
                column.timestamp = true;
            } else if meta.path.is_ident("rename") {
                column.name = meta.value()?.parse::<LitStr>()?.value();
            } else {
                return Err(meta.error("expected `key`, `timestamp` or `rename = \"…\"`"));
            }
            Ok(())
        })?;
    }
    Ok(column)
}

fn expand(input: &DeriveInput) -> Result<proc_macro2::TokenStream> {
    let Data::Struct(data) = &input.data else { return Err(Error::new_spanned(input, "a dataset is a struct")) };
    let Fields::Named(fields) = &data.fields else {
        return Err(Error::new_spanned(&data.fields, "a dataset needs named fields"));
    };
    if !input.generics.params.is_empty() {
        return Err(Error::new_spanned(&input.generics, "a dataset has no generic parameters"));
    }
    let mut name = snake(&input.ident.unraw().to_string());
    for attr in input.attrs.iter().filter(|attr| attr.path().is_ident("dataset")) {
        attr.parse_nested_meta(|meta| {
            if !meta.path.is_ident("name") {
                return Err(meta.error("expected `name = \"…\"`"));
            }
            name = meta.value()?.parse::<LitStr>()?.value();
            Ok(())
        })?;
    }
    let columns = fields.named.iter().map(column).collect::<Result<Vec<_>>>()?;
    if let Some(second) = columns.iter().filter(|c| c.timestamp).nth(1) {
        return Err(Error::new_spanned(second.ident, "a dataset has one event-time field"));
    }
    let twice = columns.iter().enumerate().find(|(i, c)| columns[..*i].iter().any(|d| d.name == c.name));
    if let Some((_, twice)) = twice {
        return Err(Error::new_spanned(twice.ident, format!("two columns have the name `{}`", twice.name)));
    }
    let row = &input.ident;
    let (idents, types): (Vec<_>, Vec<_>) = columns.iter().map(|c| (c.ident, c.ty)).unzip();
    let locals: Vec<_> = idents.iter().map(|ident| format_ident!("column_{}", ident.unraw())).collect();
    let names: Vec<_> = columns.iter().map(|c| &c.name).collect();
    let keys: Vec<_> = columns.iter().filter(|c| c.key).map(|c| &c.name).collect();
    let key_count = keys.len();
    let timestamp = columns.iter().find(|c| c.timestamp).map(|c| &c.name).into_iter();
    Ok(quote! {
        const _: () = {
            use ::std::{option::Option, result::Result::Ok, sync::Arc, vec::Vec};
            use ::thyme_core::arrow::{array, buffer, datatypes};
            use ::thyme_core::{Error, Kind, Record, Result, Value, record};

            /// Inside a column every field is nullable: under a null struct a required field is null as well.
            fn fields(inside: bool) -> datatypes::Fields {
                datatypes::Fields::from(::std::vec![#(
                    datatypes::Field::new(#names, <#types as Value>::data_type(), inside || <#types as Value>::NULLABLE)
                ),*])
            }

            #[automatically_derived]
            impl Record for #row {
                fn dataset() -> Result<::thyme_core::Dataset> {
                    let dataset = ::thyme_core::Dataset::new(#name, Arc::new(datatypes::Schema::new(fields(false))))?;
                    let dataset = dataset.with_key([#(#keys),*] as [&str; #key_count])?;
                    #(let dataset = dataset.with_timestamp(#timestamp)?;)*
                    Ok(dataset)
                }

                fn columns(rows: Vec<Self>) -> Result<Vec<array::ArrayRef>> {
                    #(let mut #locals: Vec<Option<#types>> = Vec::with_capacity(rows.len());)*
                    for row in rows {
                        #(#locals.push(Option::Some(row.#idents));)*
                    }
                    Ok(::std::vec![#(<#types as Value>::array(#locals)?),*])
                }

                fn rows(columns: &array::StructArray) -> Result<Vec<Self>> {
                    #(let mut #locals = record::column::<#types>(columns, #names)?.into_iter();)*
                    let mut rows = Vec::with_capacity(array::Array::len(columns));
                    while let (#(Option::Some(#locals),)*) = (#(#locals.next(),)*) {
                        rows.push(Self { #(#idents: #locals),* });
                    }
                    Ok(rows)
                }
            }

            #[automatically_derived]
            impl Value for #row {
                fn data_type() -> datatypes::DataType {
                    datatypes::DataType::Struct(fields(true))
                }

                fn array(values: Vec<Option<Self>>) -> Result<array::ArrayRef> {
                    let nulls: buffer::NullBuffer = values.iter().map(Option::is_some).collect();
                    #(let mut #locals: Vec<Option<#types>> = Vec::with_capacity(values.len());)*
                    for value in values {
                        match value {
                            Option::Some(value) => { #(#locals.push(Option::Some(value.#idents));)* }
                            Option::None => { #(#locals.push(Option::None);)* }
                        }
                    }
                    let columns = ::std::vec![#(<#types as Value>::array(#locals)?),*];
                    let whole = array::StructArray::try_new(fields(true), columns, Option::Some(nulls));
                    let whole = whole.map_err(|e| Error::new(Kind::Data, "the values do not make a struct").source(e))?;
                    Ok(Arc::new(whole))
                }

                fn read(array: &array::ArrayRef) -> Result<Vec<Option<Self>>> {
                    let whole = array.as_any().downcast_ref::<array::StructArray>();
                    let whole = whole.ok_or_else(|| Error::new(Kind::Schema, ::std::format!("expected a struct, found a column of {}", array.data_type())))?;
                    let mut values = Vec::with_capacity(array::Array::len(whole));
                    for row in 0..array::Array::len(whole) {
                        let null = array::Array::is_null(whole, row);
                        values.push(if null { Option::None } else { <Self as Record>::rows(&whole.slice(row, 1))?.pop() });
                    }
                    Ok(values)
                }
            }
        };
    })
}

fn snake(name: &str) -> String {
    let mut snake = String::new();
    for (i, c) in name.chars().enumerate() {
        if c.is_uppercase() && i > 0 {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
    }
    snake
}
